"""Build the documentation: the reference pages from the code, and the site of all pages."""
