"""Events out: the feed, samples, subscriptions and deliveries."""
