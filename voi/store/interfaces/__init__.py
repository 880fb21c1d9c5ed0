"""What must survive a restart: a repository for each family of things, as interfaces with their contracts.

Everything outside of `voi.store` knows these interfaces alone, and the values of `voi.domain` that they give and take.
`voi.app` chooses an implementation: today SQLite, in the modules beside this package.

What holds for every method of every repository:

- It returns a Deferred at once and blocks nobody. The Deferred fires in the thread of the reactor.
- A change is one transaction: all of it is kept, or nothing where it fails.
- The Deferred of a change fires when the change is on disk: what was acknowledged survives a kill and a power cut.
- Changes are made in the order in which one process asks for them, and their Deferreds fire in that order.
- A question sees every change that had been acknowledged when it was asked.
- A change may bring its entries of the audit log: `audit` is called with the change's result, or what its method names
  instead, in the same transaction, and what it gives is kept with the change, or neither is; it computes and does
  nothing else. Where nothing was there to change, and None is given, it is not called. Whoever listens to
  `AuditEntries.noted` gets each entry that is on disk, in order, before the Deferred of the change fires.
- Errors are those of `voi.errors` and named at the method. Beyond these a change fails with `NotSaved` where the
  database cannot take it, which says why; a change is never made a second time because of that.
- What is unknown is None or empty, not an error, unless the method says otherwise.
- Times are seconds since the epoch, the caller's where a method takes `now`; sizes are bytes unless said.
- A reason that is a `voi.messages.reason.Reason` comes back as one, so that it can be said in every language.
- A `q` is looked for as it is, in any case of ASCII letters: `%` and `_` stand for themselves.
- A `sort` with a ``-`` before it is the other way round; things that are alike in it come newest first. A `limit`
  below 0 means no limit.

**A second implementation** is a class for each interface that is derived from it (so that the type checker misses no
method), and a function that makes `voi.store.interfaces.repositories.Repositories` of them, as
`voi.store.repositories` does for SQLite. Values, bounds and filters are here and in `voi.domain`: an implementation
brings none of its own. To test it, derive a class from each of `tests.unit.store.contract`, as
`tests.unit.store.test_contract` does for SQLite, with an `open_repositories` that opens the test's own database. Each
sentence of a contract has a test there; one that is added or changed here is added or changed there first. What an
implementation does where its database fails (`NotSaved`), and what it promises beyond the contract, its migrations,
threads and files, has tests of its own.
"""
