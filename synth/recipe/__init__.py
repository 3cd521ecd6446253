"""A recipe file read into a frozen `Recipe`; every mistake with line and column. Imports nothing above `lists`."""
