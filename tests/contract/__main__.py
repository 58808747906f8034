"""Records anew what the connectors send: `python -m tests.contract`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.contract.company import write_company
from tests.contract.recording import PRODUCTS, record
from tests.contract.served import DEPLOYMENTS
from tests.contract.wire_lines import WIRE, log_name


def main() -> None:
    """Write every log."""
    with tempfile.TemporaryDirectory() as folder:
        company = write_company(Path(folder))
        for deployment in DEPLOYMENTS:
            for product in PRODUCTS:
                lines, _ = record(company, deployment, product)
                path = WIRE / log_name(deployment, product)
                path.write_text("".join(f"{line.to_json()}\n" for line in lines), "utf-8")
                print(f"{path.name}: {len(lines)} distinct requests")


if __name__ == "__main__":
    main()
