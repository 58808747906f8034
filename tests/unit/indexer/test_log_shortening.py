"""What programs printed: traces, encoded data and long logs, down to what tells anything."""

from __future__ import annotations

import base64
import hashlib

import pytest

from indexer.logs import shortened, with_short_blobs, with_short_logs, with_short_traces

JAVA = [f"    at com.acme.label.Spooler.step{number}(Spooler.java:{number})" for number in range(20)]
APPLE = [
    f"{number}   LabelKit   0x00000001c28{number:05x} -[Spooler step{number}] + {number}"
    for number in range(20)
]
NODE = [f"    at Spooler.step{number} (/srv/labels/spooler.js:{number}:7)" for number in range(20)]
LOGGED = [f"E/Labels( 12): \tat com.acme.Spooler.step{number}(Unknown Source)" for number in range(20)]


LIBRARIES = [
    f"  0x1045b{number:04x} -  0x1045c{number:04x} +LabelKit arm64  <{number:032x}> /var/LabelKit"
    for number in range(20)
]
TAGGED = [f"[ERROR]  at com.acme.Spooler.step{number}(Spooler.java:{number})" for number in range(20)]
LOCAL = [f"    at step{number} (file:///srv/labels/spooler.js:{number}:7)" for number in range(20)]


@pytest.mark.parametrize("frames", [JAVA, APPLE, NODE, LOGGED, LIBRARIES, LOCAL, TAGGED])
def test_of_a_trace_the_exception_the_first_frames_and_the_cause_stay(frames: list[str]) -> None:
    """And it is said how many frames are gone."""
    trace = [
        "IllegalStateException: no paper",
        *frames,
        "Caused by: IOException: drawer open",
        *frames,
        "I rebooted.",
    ]

    text = with_short_traces("\n".join(trace))

    assert text.split("\n") == [
        "IllegalStateException: no paper",
        *frames[:5],
        "… 15 more frames",
        "Caused by: IOException: drawer open",
        *frames[:5],
        "… 15 more frames",
        "I rebooted.",
    ]


def test_a_python_trace_keeps_where_it_began_and_where_it_failed() -> None:
    """Its last lines say what went wrong."""
    frames = [
        f'  File "/srv/labels/step{number}.py", line {number}, in run\n    step{number}()'
        for number in range(12)
    ]

    lines = with_short_traces("\n".join(["Traceback:", *frames, "ValueError: no paper"])).split("\n")

    assert lines[1] == '  File "/srv/labels/step0.py", line 0, in run'
    assert lines[-3:] == [*frames[-1].split("\n"), "ValueError: no paper"]
    assert len(lines) == 1 + 5 + 1 + 4 + 1


@pytest.mark.parametrize(
    "text",
    [
        "Look at (dock 3)",
        "\n".join(JAVA[:6]),
        "1 Open 0x12\n2 Close",
        "Meet at noon.\n\nBring paper.",
        "\n".join(f"- Ada Moss at Kiel (089-12{number})" for number in range(12)),
        "\n".join(f"at Kiel (089-12{number})" for number in range(12)),
        "\n".join(f"{number} UART{number} 0x4001{number:04x}" for number in range(12)),
        "\n".join(f"0x4001{number:04x} - 0x4002{number:04x} UART{number}" for number in range(12)),
    ],
)
def test_short_traces_and_what_is_none_stay(text: str) -> None:
    """Word for word."""
    assert with_short_traces(text) == text


def test_encoded_data_is_cut_and_links_paths_and_digests_are_not() -> None:
    """They are what people search for."""
    blob = base64.b64encode(b"".join(hashlib.sha512(bytes([n])).digest() for n in range(8))).decode()
    digest = hashlib.sha512(b"x").hexdigest()
    link = "https://x/" + "Dock/Printer/Labels3/" * 12
    kept = f"sha512 {digest}\n{link}\n/{'srv/Label7/' * 20}"

    assert with_short_blobs(f"{kept}\nicon = '{blob}';") == f"{kept}\nicon = '{blob[:24]}…';"


def test_a_long_log_keeps_a_few_lines_of_each_pattern_and_every_error() -> None:
    """The lines around it are as they were."""
    lines = [
        f"12:00:{number:02} [DEBUG] spooler copies /srv/labels/{number}.zpl to the printer"
        for number in range(60)
    ]
    error = "12:00:30 [DEBUG] spooler copies /srv/labels/30.zpl: failed, drawer open"

    text = with_short_logs("\n".join(["Log:", *lines[:30], error, *lines[31:], "That is all."]))

    assert text.split("\n") == [
        "Log:",
        *lines[:5],
        "… 25 similar lines",
        error,
        "… 29 similar lines",
        "That is all.",
    ]


def test_a_line_that_is_a_page_of_data_is_cut_and_a_long_paragraph_is_not() -> None:
    """People write words."""
    data = "clang " + " ".join(f"-I/srv/labels/include/{number}/headers" for number in range(100))
    prose = "Open the drawer and look inside. " * 60

    assert with_short_logs(data) == f"{data[:500]} …"
    assert with_short_logs(prose) == prose


def test_listings_of_pages_stay_whole() -> None:
    """They were written for their readers; a ticket's were pasted."""
    listing = "\n".join(
        f"PATCH-{number} mends the label printer on dock number {number}" for number in range(100)
    )

    assert shortened(listing, is_ticket=False) == listing
    assert len(shortened(listing, is_ticket=True)) < len(listing) / 5
