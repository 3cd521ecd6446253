"""What commands print for people, one module per command. Imports what `cli` may import.

Each function takes the result of a use case, or its JSON values, and returns text; nothing here prints.
"""
