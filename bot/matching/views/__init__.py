"""Views of a posted picture for entries of which only a hash is known.

A hash list carries no pictures, so all that can be done about crops, screenshots, collages and captions is done on the
posted picture: from one grey plane come up to 50 views (the whole, what lies within borders, boxes that may be a
picture, approximations of what was cut off), each hashed in the eight orientations. :mod:`.kinds` says what they are,
:mod:`.extraction` makes them, where pictures are decoded.
"""
