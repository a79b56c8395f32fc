"""The simulated server and its story; needs the extra demo."""
