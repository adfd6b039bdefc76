"""Which training data make a detector that catches fakes it has never seen."""
