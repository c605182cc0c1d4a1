"""The sections of a study's report and their tables, from stored rows."""
