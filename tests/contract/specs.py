"""Which of the vendor's files describes which part of a site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.contract.corrections import CORRECTIONS
from tests.contract.openapi import Operation, Spec, load_spec


@dataclass(frozen=True, kw_only=True)
class Specs:
    """The files of both deployments."""

    by_deployment: dict[str, tuple[Spec, ...]]

    def operation(self, deployment: str, method: str, path: str) -> Operation | None:
        """The documented operation that a request to this path of the origin, or of the gateway, means."""
        path = without_gateway(path)
        found = (spec.operation(method, path) for spec in self.by_deployment[deployment])
        return next((operation for operation in found if operation), None)


def without_gateway(path: str) -> str:
    """The path on the site, of one that goes through Atlassian's gateway."""
    return re.sub(r"^/ex/(jira|confluence)/[^/]+", "", path)


def load_specs(folder: Path) -> Specs:
    """Read the five files, each with what stands before its paths on a site."""

    def read(name: str, base: str = "") -> Spec:
        return load_spec(folder, name, base=base, corrections=CORRECTIONS.get(name, ()))

    return Specs(
        by_deployment={
            "cloud": (read("jira-v3"), read("confluence-v1"), read("confluence-v2", "/wiki/api/v2")),
            "datacenter": (read("jira-dc-10.3", "/jira/rest"), read("confluence-dc-10.0.3", "/confluence")),
        }
    )
