"""How fast it is, beside the alternatives on the same work in the same run: ``python -m tests.bench``.

What counts are ratios within one run; absolute figures say what the machine was. A bench is a module of this
package with a function ``run(plan) -> Outcome``, named in `tests.bench.__main__`; `tests.bench.figures` says what
is measured and what is to be reached.
"""
