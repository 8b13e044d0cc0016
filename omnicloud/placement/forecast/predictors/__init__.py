"""The predictors that come with the library, one file for each kind."""
