"""What answers browsers, programs, and peers over HTTP, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voi import __version__
from voi.app.foundation import Foundation
from voi.app.health import checks
from voi.app.lag import lag_view
from voi.app.metrics import DiskMetrics, ProcessMetrics
from voi.app.rollouts import RolloutArea
from voi.app.swarm import SwarmArea
from voi.app.terminals import TerminalArea
from voi.app.uploads import UploadArea
from voi.auth.administration import AccountAdministration
from voi.auth.passwords import ATTEMPTS
from voi.catalogue.metrics import ContentMetrics
from voi.domain.rollout_demand import LinkRates
from voi.files.disk_usage import disk_usage
from voi.seeding.link import link_rate
from voi.seeding.metrics import SeedingMetrics
from voi.store.interfaces.accounts import LONGEST_SECONDS
from voi.terminals.administration import TerminalAdministration
from voi.terminals.commands import CommandDispatcher
from voi.terminals.metrics import TerminalMetrics
from voi.terminals.rooms import RoomAdministration
from voi.terminals.wake import Waker
from voi.tracker.announce_protocol import AnnounceFactory
from voi.tracker.blocks import BlockTableResource
from voi.tracker.http import tracker_resource
from voi.tracker.metrics import TrackerMetrics
from voi.web.api.schemas.fields import MOST_MACS
from voi.web.api.schemas.server import Addresses, SettingLimits, SettingsView
from voi.web.api.traffic import TrafficMeter
from voi.web.application import Api, LiveState, Server, UseCases
from voi.web.console.assets import AssetResource, console_assets
from voi.web.http.checks import HealthCheck
from voi.web.http.routing import BODY_LIMIT
from voi.web.metrics.counted import CountedMetrics
from voi.web.metrics.routes import MetricRoutes
from voi.web.site import site


@dataclass(frozen=True, slots=True, kw_only=True)
class WebArea:
    """`announce_factory` is for the HTTP port, whoever comes there."""

    api: Api
    traffic: TrafficMeter
    announce_factory: AnnounceFactory


def make_web(
    base: Foundation,
    swarm: SwarmArea,
    uploads: UploadArea,
    commands: CommandDispatcher,
    rollouts: RolloutArea,
    terminals: TerminalArea,
    token: str,
) -> WebArea:
    """Nothing is served yet; `token` is the API's own, kept in the data directory."""
    repositories, directory, in_thread = base.repositories, base.directory, base.threads.short
    health = checks(base.database, directory, swarm.own_peer, swarm.session, uploads.contents, base.lag, base.reactor)
    traffic = TrafficMeter(swarm.session, lambda: rollouts.coordinator.progress_receiver.fetched)
    api = Api(
        server=Server(
            token=token,
            clock=base.reactor,
            lag=lambda: lag_view(base.lag),
            disk=lambda: in_thread(disk_usage, directory.root),
            facts=lambda days: _facts(base, days),
            links=LinkRates(swarm.link, base.config.terminal_link or link_rate(base.config.link)),
            checks=health,
            steady=base.steady,
            clock_problem=base.clock_monitor.problem,
        ),
        repositories=repositories,
        use_cases=UseCases(
            sign_in=terminals.sign_in,
            accounts=AccountAdministration(
                accounts=repositories.accounts, tokens=repositories.tokens, hash_password=terminals.passwords.hash
            ),
            terminals=TerminalAdministration(
                terminals=repositories.terminals,
                rooms=repositories.rooms,
                online=base.registry,
                waker=Waker(in_thread),
                forget_key=base.keys.forget,
                audit_log=base.audit_log,
            ),
            rooms=RoomAdministration(repositories.rooms),
            catalogue=uploads.catalogue,
            uploads=uploads.requests,
            sweeper=uploads.sweeper,
            rollouts=rollouts.coordinator,
            commands=commands,
            audit_log=base.audit_log,
        ),
        live_state=LiveState(
            registry=base.registry,
            publisher=uploads.publisher,
            recorder=rollouts.recorder,
            bad_copies=rollouts.bad_copies,
            tracker=swarm.tracker,
            session=swarm.session,
            traffic=traffic,
            contents=uploads.contents,
        ),
        further=[_metrics(base, swarm, uploads, terminals, health, lambda: announce_factory.open)],
    )
    peers = tracker_resource(swarm.tracker, BlockTableResource(base.keys, uploads.block_tables))
    pages = site(api.resource(), peers, AssetResource(console_assets()))
    announce_factory = AnnounceFactory(swarm.tracker, pages, base.reactor)
    return WebArea(api=api, traffic=traffic, announce_factory=announce_factory)


def _metrics(
    base: Foundation,
    swarm: SwarmArea,
    uploads: UploadArea,
    terminals: TerminalArea,
    health: Mapping[str, HealthCheck],
    http_connections: Callable[[], int],
) -> MetricRoutes:
    return MetricRoutes(
        statistics=base.repositories.statistics,
        counted=CountedMetrics(base.registry, swarm.session.statuses, swarm.tracker.counts),
        collectors=[
            ProcessMetrics(base.lag, time.time()),
            TerminalMetrics(terminals.factory),
            TrackerMetrics(swarm.tracker, http_connections),
            SeedingMetrics(swarm.session),
            ContentMetrics(uploads.contents),
            base.database.metrics(),
            DiskMetrics(base.directory.root),
        ],
        checks=health,
        in_thread=base.threads.short,
        clock=base.reactor,
    )


def _facts(base: Foundation, retention_days: int) -> SettingsView:
    """What the server was started with, as it turned out."""
    config, udp = base.config, base.listeners.udp_port
    return SettingsView(
        version=__version__,
        addresses=Addresses(
            terminals=config.terminals,
            http=config.http,
            udp="" if udp is None else f"udp:{udp}",
            bittorrent=config.bittorrent,
            terminals_port=base.listeners.terminals_port,
            http_port=base.listeners.http_port,
        ),
        data=str(config.data_path),
        token_file=str(base.directory.api_token),
        link=config.link,
        terminal_link=config.terminal_link,
        upload_limit=config.upload_limit,
        encryption=config.encryption,
        limits=SettingLimits(
            body_bytes=BODY_LIMIT,
            macs=MOST_MACS,
            session_days=round(LONGEST_SECONDS / 86400),
            sign_in_attempts=ATTEMPTS,
        ),
        retention_days=retention_days,
    )
