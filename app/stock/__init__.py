"""Stock levels: how many of each item are available at each location, as pulls have read them."""
