"""Tests of the metrics' text: names, values, and that no label can grow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import voi
from tests.unit.web.metrics.parts import NAME, TEMPLATE, Parts
from voi.app.lag import UPPER_BOUNDS
from voi.app.metrics import BUILD

DOCS = Path(voi.__file__).parents[1] / "docs"


class PageCase(SynchronousTestCase):
    """A server with known numbers."""

    def setUp(self) -> None:
        """Its parts."""
        self.parts = Parts(Path(self.mktemp()))

    def parsed(self) -> dict[str, Metric]:
        """The families of a page by name, as Prometheus reads them."""
        page = self.successResultOf(Deferred.fromCoroutine(self.parts.routes().metrics()))
        return {family.name: family for family in text_string_to_metric_families(page.decode())}


def names_of(found: dict[str, Metric]) -> set[str]:
    """The names of all samples."""
    return {sample.name for family in found.values() for sample in family.samples}


class ValueTests(PageCase):
    """What each sample says."""

    def setUp(self) -> None:
        """The page."""
        super().setUp()
        self.found = self.parsed()

    def value(self, sample: str, **labels: str) -> float:
        """The value of the one sample with this name and these labels."""
        (found,) = [
            one.value
            for family in self.found.values()
            for one in family.samples
            if one.name == sample and one.labels == labels
        ]
        return found

    def test_values(self) -> None:
        """Each reading is where its name says."""
        torrent = str(NAME)
        info = {"torrent": torrent, "template": 'Ro"om\n7\\', "template_uuid": TEMPLATE}
        for expected, sample, labels in (
            (1, "voi_build_info", BUILD),
            (1_700_000_000, "voi_start_time_seconds", {}),
            (1, "voi_health_check", {"check": "database"}),
            (0, "voi_health_check", {"check": "reactor"}),
            (0, "voi_terminals", {"state": "current"}),
            (5, "voi_terminal_sessions", {}),
            (7, "voi_terminal_connections", {}),
            (123, "voi_terminal_unfinished_frame_bytes", {}),
            (6, "voi_terminal_frames_received_total", {"code": "9010"}),
            (2, "voi_terminal_frames_received_total", {"code": "other"}),
            (3, "voi_terminal_frames_sent_total", {"code": "1001"}),
            (4, "voi_terminal_errors_total", {"code": "60000"}),
            (1, "voi_terminal_errors_total", {"code": "other"}),
            (9, "voi_terminal_errors_total", {"code": "framing"}),
            (100, "voi_tracker_announces_total", {"protocol": "http", "outcome": "answered"}),
            (50, "voi_tracker_announces_total", {"protocol": "udp", "outcome": "answered"}),
            (2, "voi_tracker_scrapes_total", {"protocol": "http", "outcome": "answered"}),
            (2, "voi_tracker_swarms", {}),
            (33, "voi_tracker_peers", {}),
            (11, "voi_http_connections", {}),
            (5000, "voi_bittorrent_bytes_total", {"direction": "sent"}),
            (600, "voi_bittorrent_bytes_total", {"direction": "received"}),
            (7, "voi_bittorrent_wrong_pieces_total", {}),
            (1, "voi_bittorrent_torrents", {"state": "seeding"}),
            (1, "voi_bittorrent_torrents", {"state": "other"}),
            (1, "voi_published_disks", {}),
            (1, "voi_torrent_info", info),
            (777, "voi_torrent_size_bytes", {"torrent": torrent}),
            (4000, "voi_torrent_bytes_total", {"torrent": torrent, "direction": "sent"}),
            (500, "voi_torrent_bytes_total", {"torrent": torrent, "direction": "received"}),
            (3, "voi_torrent_peers", {"torrent": torrent, "role": "seed"}),
            (4, "voi_torrent_peers", {"torrent": torrent, "role": "leech"}),
            (1, "voi_rollouts", {"state": "running"}),
            (3, "voi_rollout_targets", {"state": "waiting"}),
            (1, "voi_upload_disks", {"state": "receiving"}),
            (90, "voi_reactor_lag_seconds_bucket", {"le": repr(UPPER_BOUNDS[0])}),
            (100, "voi_reactor_lag_seconds_bucket", {"le": "+Inf"}),
            (100, "voi_reactor_lag_seconds_count", {}),
            (0.75, "voi_reactor_lag_seconds_sum", {}),
            (0.5, "voi_reactor_longest_lag_seconds", {}),
            (1, "voi_database_worker_up", {"worker": "writer"}),
            (0, "voi_database_worker_up", {"worker": "reader"}),
            (12, "voi_database_queue_length", {"worker": "writer"}),
            (0.25, "voi_database_busy_seconds", {"worker": "writer"}),
            (4096, "voi_database_size_bytes", {"file": "main"}),
            (32, "voi_database_size_bytes", {"file": "wal"}),
        ):
            self.assertEqual(self.value(sample, **labels), expected, (sample, labels))

    def test_unpublished_torrents(self) -> None:
        """A torrent that is no published disk has no series of its own; the totals have it."""
        series = [one for one in self.found["voi_torrent_bytes"].samples if one.labels["direction"] == "sent"]
        self.assertEqual([one.labels["torrent"] for one in series], [str(NAME)])

    def test_absent_torrent(self) -> None:
        """A published disk that nobody shares yet has series that say 0."""
        self.parts.statuses.clear()
        self.found = self.parsed()
        self.assertEqual(self.value("voi_torrent_bytes_total", torrent=str(NAME), direction="sent"), 0)


class ConventionTests(PageCase):
    """Prometheus' rules for names."""

    def test_names(self) -> None:
        """Ours begin with voi_; counters end with _total, in base units; each says what it is."""
        for name, family in self.parsed().items():
            self.assertRegex(name, r"^(voi|process)_[a-z_]+[a-z]$")
            self.assertTrue(family.documentation, name)
            self.assertNotRegex(name, r"milli|kilo|mega|percent|minutes|_ms$|_kb$")
            totals = {sample.name.endswith("_total") for sample in family.samples}
            self.assertEqual(totals, {family.type == "counter"}, name)

    def test_series_are_told_once(self) -> None:
        """No two samples have the same name and labels."""
        series = [
            (sample.name, *sorted(sample.labels.items()))
            for family in self.parsed().values()
            for sample in family.samples
        ]
        self.assertEqual(len(series), len(set(series)))

    def test_labels(self) -> None:
        """There are no other labels than these, each with a bound of its own; none names a terminal."""
        labels = {
            label
            for family in self.parsed().values()
            for sample in family.samples
            for label in sample.labels
            if label != "le"
        }
        torrents = {"torrent", "template", "template_uuid", "role"}
        closed = {*BUILD, "check", "state", "code", "protocol", "outcome", "direction", "worker", "file"}
        self.assertEqual(labels, torrents | closed)


class DocumentTests(PageCase):
    """What the documentation says there is."""

    def test_table(self) -> None:
        """The table in the documentation has every family of ours and no other."""
        text = (DOCS / "metrics.rst").read_text("utf-8")
        told = set(re.findall(r"^``(voi_\w+)``", text, re.MULTILINE))
        found = self.parsed()
        ours = {name + ("_total" if found[name].type == "counter" else "") for name in found if name.startswith("voi_")}
        self.assertEqual(told, ours)


class DashboardTests(PageCase):
    """docs/grafana/voi.json."""

    def setUp(self) -> None:
        """The dashboard."""
        super().setUp()
        self.board: dict[str, Any] = json.loads((DOCS / "grafana" / "voi.json").read_text("utf-8"))
        self.panels = [panel for panel in self.board["panels"] if panel["type"] != "row"]
        self.queries = [target["expr"] for panel in self.panels for target in panel["targets"]]

    def test_only_what_there_is(self) -> None:
        """Queries ask for metrics that exist, by labels that these have."""
        found = self.parsed()
        names = names_of(found)
        labels: dict[str, set[str]] = {}
        for family in found.values():
            for sample in family.samples:
                labels.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
        for query in self.queries:
            asked = set(re.findall(r"\b(?:voi|process)_\w+", query))
            self.assertTrue(asked, query)
            self.assertEqual(asked - names, set(), query)
            for name, matchers in re.findall(r"\b((?:voi|process)_\w+)\{([^}]*)\}", query):
                self.assertLessEqual(set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)), labels[name], query)

    def test_every_family(self) -> None:
        """Each family of ours is on it."""
        asked = {name for query in self.queries for name in re.findall(r"\bvoi_\w+", query)}
        missing = {
            name
            for name, family in self.parsed().items()
            if name.startswith("voi_") and not asked & {sample.name for sample in family.samples}
        }
        self.assertEqual(missing, set())

    def test_rates_of_counters(self) -> None:
        """A counter is asked for its rate or increase, a gauge never is."""
        found = self.parsed()
        counters = {
            sample.name
            for family in found.values()
            for sample in family.samples
            if family.type in ("counter", "histogram")
        }
        for query in self.queries:
            rated = set(re.findall(r"\b(?:rate|increase)\(((?:voi|process)_\w+)", query))
            asked = set(re.findall(r"\b(?:voi|process)_\w+", query))
            self.assertEqual(rated, asked & counters, query)

    def test_data_source(self) -> None:
        """Which Prometheus is asked is a variable; each panel and query goes by it."""
        variables = {variable["name"]: variable for variable in self.board["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertEqual(variables["datasource"]["query"], "prometheus")
        for panel in self.panels:
            for one in (panel, *panel["targets"]):
                self.assertEqual(one["datasource"], {"type": "prometheus", "uid": "${datasource}"}, panel["title"])

    def test_layout(self) -> None:
        """Panels have ids of their own, a title, a unit, and lie beside one another on 24 columns."""
        ids = [panel["id"] for panel in self.board["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken: set[tuple[int, int]] = set()
        for panel in self.board["panels"]:
            grid = panel["gridPos"]
            places = {
                (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
            }
            self.assertEqual(taken & places, set(), panel["title"])
            self.assertLessEqual(grid["x"] + grid["w"], 24)
            taken |= places
            self.assertTrue(panel["title"])
        for panel in self.panels:
            self.assertIn("unit", panel["fieldConfig"]["defaults"], panel["title"])
        self.assertGreaterEqual(self.board["schemaVersion"], 38, "as Grafana 10 writes it")
