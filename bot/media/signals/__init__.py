"""What a file says about itself: which program wrote it, whether it was made by a model or taken with a camera.

Everything in here looks at untrusted bytes, and so runs in a decoder process only. What leaves it is made of names on a
fixed list (:mod:`bot.media.signals.names`): never a prompt, a comment, an author or an address, which may name people.
"""
