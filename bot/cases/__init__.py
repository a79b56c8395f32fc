"""Cases: a picture cluster in one guild on which people decide."""
