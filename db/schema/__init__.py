"""The tables: typed mappings, column types and the schema's versions."""
