"""`voi events`: what happened, and with -f what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from voi.cli.api import ApiClient
from voi.cli.failures import Interrupted, Unreachable
from voi.cli.output import moment, printable, say_json, show
from voi.cli.settings import connect, with_json, with_server

AGAIN_SECONDS: Final = 2.0
"""Before a stream that ended is opened again."""

PAGE: Final = 1000
"""Entries in one answer: as many as the server gives at once."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _since(_context: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """A moment in UTC, as the API takes it.

    :param text: ISO time (in this machine's zone where it names none), or how long ago: 90s, 15m, 2h, 7d.
    """
    if text is None:
        return None
    try:
        if text[-1:] in _UNITS and text[:-1].isdecimal():
            when = datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])
        else:
            when = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r} is not a time such as 2026-01-31T12:00, 15m, 2h or 7d") from error
    return when.isoformat().replace("+00:00", "Z")


@click.command()
@click.option("-f", "--follow", "following", is_flag=True, help="keep showing new events")
@click.option(
    "--since", metavar="TIME", callback=_since, help="only events since then: an ISO time, or 15m, 2h, 7d ago"
)
@click.option("--kind", help="only events of this kind, such as rollout.begun or just rollout")
@click.option("--mac", help="only events about this terminal")
@click.option("--who", help='only events caused by an account, "token NAME", "terminal MAC" or server')
@click.option("--search", "q", metavar="TEXT", help="only events that contain this text")
@click.option(
    "-n", "--limit", type=click.IntRange(1, PAGE), default=100, show_default=True, help="how many, the newest"
)
@with_server
@with_json
def events(
    following: bool,
    since: str | None,
    kind: str | None,
    mac: str | None,
    who: str | None,
    q: str | None,
    limit: int,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show what happened, who did it and from where; newest last.

    With --json, one document; with -f as well, one line per event.
    """
    api = connect(server, token, data)
    wanted = {"since": since, "kind": kind, "mac": mac, "who": who, "q": q}
    if following:
        try:
            for event in follow(api, wanted, limit):
                _print(event, as_json=as_json)
        except KeyboardInterrupt:
            raise Interrupted("stopped showing events; the server keeps recording them") from None
    found = api.get("/events", {**wanted, "limit": limit})
    if as_json:
        say_json(found)
        return
    rows = [
        (moment(one["time"]), one["who"], one["from"], one["kind"], one["text"]) for one in reversed(found["events"])
    ]
    show(("time", "who", "from", "kind", "what"), rows, none="no events match")


def _print(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(event)
        return
    origin = f" ({event['from']})" if event["from"] else ""
    click.echo(printable(f"{moment(event['time'])}  {event['who']}{origin}: {event['text']}", lines=False))


def follow(
    api: ApiClient, wanted: dict[str, Any], limit: int, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[dict[str, Any]]:
    """Entries without an end, oldest first, none twice and none left out: after each break what was missed comes first.

    The stream says that there is something new; the list, which knows the filters, says what.

    :param limit: how many from before.
    :raises Failed: the server refused; or it could not be reached in the first place.
    """
    shown: int | None = None
    while True:
        try:
            for name, news in api.stream():
                if name == "event":
                    if shown is not None and (news["id"] <= shown or not _of_kind(news, wanted["kind"])):
                        continue
                elif name not in ("hello", "resync"):
                    continue
                fresh = _newest(api, wanted, limit) if shown is None else _after(api, wanted, shown)
                yield from fresh
                number = news["id"] if name == "event" else 0
                shown = max(number, shown or 0, *(one["id"] for one in fresh))
        except Unreachable:
            if shown is None:
                raise
        click.echo("the connection to the server has ended; trying again", err=True)
        sleep(AGAIN_SECONDS)


def _of_kind(event: dict[str, Any], kind: str | None) -> bool:
    return kind is None or event["kind"] == kind or event["kind"].startswith(f"{kind}.")


def _newest(api: ApiClient, wanted: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/events", {**wanted, "limit": limit})["events"]
    return found[::-1]


def _after(api: ApiClient, wanted: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """All entries after one, oldest first."""
    found: list[dict[str, Any]] = []
    before: int | None = None
    while True:
        page = api.get("/events", {**wanted, "limit": PAGE, "before": before})["events"]
        new = [one for one in page if one["id"] > number]
        found += new
        if len(new) < PAGE:
            return found[::-1]
        before = new[-1]["id"]
