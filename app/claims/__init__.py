"""Claims: of several runs that want to do the same thing, one gets it, until it lets go or its time is over."""
