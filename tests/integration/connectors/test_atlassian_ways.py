"""The ways to a site: own certificates, proxies, and Atlassian's gateway."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme

from connectors.atlassian import AtlassianClient, Deployment, Patience, Site, confluence_url
from connectors.credentials import basic, bearer
from connectors.errors import (
    AuthenticationError,
    CertificateError,
    ConnectorError,
    NotFoundError,
    ScopeError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)
from connectors.site import Gateway
from tests.integration.connectors.http_servers import Call, Reply, Server, proxy, serve

QUICK = Patience(timeout=2, attempts=2, first_wait=0.01, longest_wait=0.02)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the proxies and certificates of the machine that runs the tests."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client_of(url: str, **site: Any) -> AtlassianClient:
    where = Site(url=url, deployment=Deployment.DATACENTER, **site)
    return AtlassianClient(where, bearer("s3cret"), patience=QUICK)


@pytest.fixture(scope="module")
def company_ca() -> trustme.CA:
    """A certificate authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def ca_bundle(company_ca: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate in a file."""
    file = tmp_path / "ca.pem"
    company_ca.cert_pem.write_to_path(str(file))
    return file


def _tls(ca: trustme.CA, host: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(host, **options).configure_cert(context)
    return context


@pytest.fixture
def encrypted(company_ca: trustme.CA) -> Iterator[Server]:
    """A site with the company's own certificate."""
    with serve(lambda _: Reply(body={"ok": True}), tls=_tls(company_ca)) as server:
        yield server


def test_an_own_ca_is_trusted_when_it_is_named(encrypted: Server, ca_bundle: Path) -> None:
    """For calls and files."""
    client = client_of(encrypted.url, ca_bundle=ca_bundle)
    assert client.get("rest/api/2/myself") == {"ok": True}
    assert client.download("rest/api/2/file", 100) == b'{"ok": true}'


def test_an_own_ca_wins_over_that_of_the_environment(
    encrypted: Server, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which another library of the machine may need."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert client_of(encrypted.url, ca_bundle=ca_bundle).download("rest/api/2/file", 100)
    with pytest.raises(CertificateError):
        client_of(encrypted.url).get("rest/api/2/myself")


def test_the_environments_ca_is_used_without_one(
    encrypted: Server, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As requests does."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_bundle))
    assert client_of(encrypted.url).get("rest/api/2/myself") == {"ok": True}


def test_an_unknown_ca_says_what_to_set(encrypted: Server) -> None:
    """At once: another try would not help. Nothing was sent."""
    with pytest.raises(CertificateError, match="set ca_bundle"):
        client_of(encrypted.url).get("rest/api/2/myself")
    assert encrypted.calls == []


@pytest.mark.parametrize(
    ("host", "options", "words"),
    [
        ("other.example", {}, "is for another host"),
        ("127.0.0.1", {"not_after": datetime.now(UTC) - timedelta(days=1)}, "has expired"),
    ],
)
def test_a_wrong_certificate_says_what_is_wrong(
    company_ca: trustme.CA, ca_bundle: Path, host: str, options: dict[str, Any], words: str
) -> None:
    """Another host's, or an old one."""
    if "not_after" in options:
        options = {**options, "not_before": datetime.now(UTC) - timedelta(days=2)}
    with (
        serve(lambda _: Reply(), tls=_tls(company_ca, host, **options)) as server,
        pytest.raises(CertificateError, match=words),
    ):
        client_of(server.url, ca_bundle=ca_bundle).get("rest/api/2/myself")


def test_a_ca_bundle_that_is_missing_or_none_is_said(encrypted: Server, tmp_path: Path) -> None:
    """Before or at the first call."""
    with pytest.raises(CertificateError, match="There is no file"):
        client_of(encrypted.url, ca_bundle=tmp_path / "none.pem")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("hello")
    with pytest.raises(CertificateError, match="ca_bundle"):
        client_of(encrypted.url, ca_bundle=wrong).get("rest/api/2/myself")


def test_https_at_a_plain_port_is_said() -> None:
    """A frequent slip with Data Center."""
    with serve(lambda _: Reply()) as server, pytest.raises(UnexpectedAnswerError, match="does not speak TLS"):
        client_of(server.url.replace("http:", "https:")).get("rest/api/2/myself")


def test_a_host_that_does_not_exist_is_said() -> None:
    """In words."""
    with pytest.raises(SourceUnavailableError, match="host name is not known"):
        client_of("http://no-such-host.invalid").get("rest/api/2/myself")


@pytest.mark.parametrize("origin", ["site", "environment"])
def test_a_proxy_is_used_for_both_kinds_of_address(
    encrypted: Server, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    """Set for the site or in the environment; what is sent through it stays encrypted."""
    with serve(lambda _: Reply(body={"ok": True})) as plain, proxy() as between:
        options = {"proxy": between.url} if origin == "site" else {}
        if origin == "environment":
            monkeypatch.setenv("HTTPS_PROXY", between.url)
            monkeypatch.setenv("HTTP_PROXY", between.url)
        client_of(encrypted.url, ca_bundle=ca_bundle, **options).get("rest/api/2/myself")
        client_of(plain.url, **options).get("rest/api/2/myself")
        client_of(plain.url, **options).download("rest/api/2/file", 100)
        plain_host = plain.host
    assert [(call.method, call.path) for call in between.calls] == [
        ("CONNECT", encrypted.host),
        ("GET", f"http://{plain_host}/rest/api/2/myself"),
        ("GET", f"http://{plain_host}/rest/api/2/file"),
    ]
    assert "authorization" not in between.calls[0].headers


def test_the_environment_can_leave_a_host_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY."""
    with serve(lambda _: Reply(body={"ok": True})) as plain, proxy() as between:
        monkeypatch.setenv("HTTP_PROXY", between.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert client_of(plain.url).get("rest/api/2/myself") == {"ok": True}
        assert between.calls == []


def test_a_proxy_may_want_a_login(encrypted: Server, ca_bundle: Path) -> None:
    """Given in its address; without, the error says so. It is shown nowhere."""
    login = "Basic " + b64encode(b"ann:pr0xy").decode()
    with serve(lambda _: Reply(body={"ok": True})) as plain, proxy(login=login) as between:
        with_login = between.url.replace("http://", "http://ann:pr0xy@")
        for url in (encrypted.url, plain.url):
            client = client_of(url, ca_bundle=ca_bundle, proxy=with_login)
            assert client.get("rest/api/2/myself") == {"ok": True}
            assert "pr0xy" not in repr(client.site)
            with pytest.raises(AuthenticationError, match="proxy wants a user"):
                client_of(url, ca_bundle=ca_bundle, proxy=between.url).get("rest/api/2/myself")


def test_a_proxy_that_is_not_there_or_refuses_is_told_from_the_site(
    encrypted: Server, ca_bundle: Path
) -> None:
    """Each in its own sentence."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    gone = f"http://ann:pr0xy@127.0.0.1:{port}"
    with pytest.raises(SourceUnavailableError, match=r"proxy on the way to .* does not answer") as caught:
        client_of(encrypted.url, ca_bundle=ca_bundle, proxy=gone).get("rest/api/2/myself")
    assert "pr0xy" not in str(caught.value)
    with (
        proxy(refuses=403) as between,
        pytest.raises(SourceUnavailableError, match="does not let requests through"),
    ):
        client_of(encrypted.url, ca_bundle=ca_bundle, proxy=between.url).get("rest/api/2/myself")


CLOUD_ID = "1f0c1d8e-0000-4000-8000-5a1d"


class Cloud:
    """A tenant and the gateway on one server, with what scoped tokens meet on each."""

    def __init__(self) -> None:
        self.scopes = True

    def answer(self, call: Call) -> Reply:
        path = call.path.partition("?")[0]
        if path == "/_edge/tenant_info":
            return Reply(body={"cloudId": CLOUD_ID})
        known = path.startswith((f"/ex/jira/{CLOUD_ID}/", f"/ex/confluence/{CLOUD_ID}/wiki/"))
        if not path.startswith("/ex/"):
            return Reply(status=401, body={"message": "Client must be authenticated"})
        if not known:
            return Reply(status=404, body={"message": "No message available"})
        if not self.scopes:
            return Reply(status=401, body={"code": 401, "message": "Unauthorized; scope does not match"})
        return Reply(body={"path": path})


@pytest.fixture
def cloud() -> Cloud:
    """What it answers."""
    return Cloud()


@pytest.fixture
def tenant(cloud: Cloud) -> Iterator[Server]:
    """Where it answers."""
    with serve(cloud.answer) as server:
        yield server


def through_gateway(
    tenant: Server, product: Literal["jira", "confluence"] = "jira", **gateway: Any
) -> AtlassianClient:
    url = tenant.url if product == "jira" else confluence_url(tenant.url, Deployment.CLOUD)
    way = Gateway(product=product, **{"url": tenant.url, **gateway})
    site = Site(url=url, deployment=Deployment.CLOUD, gateway=way)
    return AtlassianClient(site, basic("ann@acme.example", "scoped"), patience=QUICK)


@pytest.mark.parametrize(("product", "path"), [("jira", ""), ("confluence", "/wiki")])
def test_a_token_with_scopes_takes_the_gateway(
    tenant: Server, product: Literal["jira", "confluence"], path: str
) -> None:
    """The cloud id is asked for once, without credentials; people still go to the site."""
    client = through_gateway(tenant, product)
    assert tenant.calls == []
    with ThreadPoolExecutor(4) as executor:
        found = list(executor.map(lambda _: client.get("rest/api/3/myself"), range(4)))
    assert found == [{"path": f"/ex/{product}/{CLOUD_ID}{path}/rest/api/3/myself"}] * 4
    first, *later = tenant.calls
    assert (first.path, first.authorization) == ("/_edge/tenant_info", None)
    assert [call.authorization is not None for call in later] == [True] * 4
    assert client.site.browse_url == client.site.url == tenant.url + path


def test_a_cloud_id_that_is_set_is_not_asked_for(tenant: Server) -> None:
    """As government clouds may need it."""
    through_gateway(tenant, cloud_id=CLOUD_ID).download("rest/api/3/attachment/content/1", 1000)
    assert [call.path for call in tenant.calls] == [f"/ex/jira/{CLOUD_ID}/rest/api/3/attachment/content/1"]


def test_a_wrong_cloud_id_is_said(tenant: Server) -> None:
    """The gateway knows nothing there."""
    with pytest.raises(NotFoundError, match="cloud_id"):
        through_gateway(tenant, cloud_id="wrong").get("rest/api/3/myself")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(body={"cloudId": ""}),
        Reply(body=[]),
        Reply(status=302, headers={"Location": "https://id.atlassian.com"}),
    ],
)
def test_a_site_without_a_cloud_id_is_said(reply: Reply) -> None:
    """A wrong address, mostly."""
    with serve(lambda _: reply) as server, pytest.raises(NotFoundError, match="does not tell a cloud id"):
        through_gateway(server).get("rest/api/3/myself")


def test_a_missing_scope_is_told_from_a_wrong_token(tenant: Server, cloud: Cloud) -> None:
    """Both are 401; and a token with scopes at the tenant's own address is the third kind."""
    cloud.scopes = False
    with pytest.raises(ScopeError, match="scopes do not cover GET /rest/api/3/myself"):
        through_gateway(tenant).get("rest/api/3/myself")
    direct = AtlassianClient(
        Site(url=tenant.url, deployment=Deployment.CLOUD), basic("a@b.example", "scoped"), patience=QUICK
    )
    with pytest.raises(AuthenticationError, match='needs auth = "scoped"') as caught:
        direct.get("rest/api/3/myself")
    assert not isinstance(caught.value, ScopeError)


def test_people_may_open_another_address_than_the_api(tenant: Server) -> None:
    """An inside name for the one, an outside name for the other."""
    site = Site(
        url=tenant.url + "/", deployment=Deployment.DATACENTER, browse_url="https://wiki.acme.example/"
    )
    assert (site.url, site.browse_url) == (tenant.url, "https://wiki.acme.example")
    with pytest.raises(ConnectorError, match="https://host"):
        Site(url=tenant.url, deployment=Deployment.DATACENTER, browse_url="wiki")
