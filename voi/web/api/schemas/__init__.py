"""What the API takes and answers, a module for each noun, and what several nouns have in common.

Answers have times in UTC, sizes in bytes, rates in bytes a second, progress from 0 to 1. All lists take `q`, `sort`,
`limit` and `offset`; what else there is narrows one list alone. A field that a body does not have, and a name that a
list does not have, is refused, so that a mistyped one is not silently ignored.
"""
