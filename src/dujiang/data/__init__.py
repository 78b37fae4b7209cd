"""Data: the catalogue and deposit of data sets; inspection, data spaces and annotation are its sub-packages."""
