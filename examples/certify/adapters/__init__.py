"""One adapter for each library: as thin as it can be, so that what breaks is the library's."""
