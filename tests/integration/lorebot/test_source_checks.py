"""What `lorebot doctor` says of a source: well through every way in, and one sentence for everything that is wrong."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from connectors.errors import ConnectorError
from connectors.limits import SiteLimiter
from lorebot.commands.demo import sample_company
from lorebot.commands.doctor import check_source
from lorebot.errors import ConfigError
from lorebot.settings import Settings, build_settings
from lorebot.wiring import build_connector, open_services, webhook_secrets
from sandbox.atlassian.app import create_atlassian_app
from sandbox.atlassian.wire import CLOUD_ID, Credentials
from sandbox.site import Site, load_site
from sandbox.site_identity import OAuthClient
from tests.integration.connectors.http_servers import Reply, proxy, serve

EMAIL, TOKEN = "reader@acme.example", "s3cret-token"
#: As docs/configuration.md lists them.
SCOPES = {
    "jira": "read:jira-work read:jira-user manage:jira-configuration",
    "confluence": "search:confluence read:confluence-content.all read:confluence-groups read:confluence-user "
    "read:space:confluence read:page:confluence "
    "read:content.metadata:confluence read:attachment:confluence",
}


@dataclass(frozen=True, kw_only=True)
class Company:
    """The sample company's Cloud, served."""

    site: Site
    url: str


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    """On a real port."""
    site = load_site(sample_company())
    with _served(site) as url:
        yield Company(site=site, url=url)


@contextmanager
def _served(site: Site) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    credentials = Credentials(email=EMAIL, token=TOKEN)
    app = create_atlassian_app(site, deployment="cloud", credentials=credentials, base_url=url)
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _settings(source: dict[str, Any], database_url: str = "postgresql://x") -> Settings:
    values = {"sources": [{"name": "acme", **source}], "database": {"url": database_url}}
    return build_settings(values, where="the test", environment=False)


def _check(source: dict[str, Any], database_url: str = "postgresql://x") -> str:
    settings = _settings(source, database_url)
    return check_source(settings, settings.sources[0])


def _problem(source: dict[str, Any], database_url: str = "postgresql://x") -> str:
    with pytest.raises(ConnectorError) as caught:
        _check(source, database_url)
    message = str(caught.value)
    assert "s3cret" not in message
    assert "\n" not in message
    return message


def _account(url: str, kind: str = "jira", **keys: Any) -> dict[str, Any]:
    return {"kind": kind, "url": url, "email": EMAIL, "token": TOKEN, **keys}


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_an_api_token_is_well(company: Company, kind: str) -> None:
    """At the site's own address."""
    assert f"Signed in to {company.url}" in _check(_account(company.url, kind))


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_a_token_with_the_documented_scopes_is_well_through_the_gateway(company: Company, kind: str) -> None:
    """It names the site, not the gateway."""
    company.site.identity.scoped["s3cret-scoped"] = frozenset(SCOPES[kind].split())
    keys = {"token": "s3cret-scoped", "auth": "scoped", "gateway_url": company.url}
    assert f"Signed in to {company.url}" in _check(_account(company.url, kind, **keys))


def _oauth(company: Company, kind: str) -> dict[str, Any]:
    scopes = frozenset(f"{SCOPES[kind]} offline_access".split())
    given = company.site.identity.consent(OAuthClient(id="app", secret="s3cret-app", scopes=scopes))
    return {
        "kind": kind,
        "url": company.url,
        "auth": "oauth",
        "client_id": "app",
        "client_secret": "s3cret-app",
        "refresh_token": given["refresh_token"],
        "gateway_url": company.url,
        "auth_url": f"{company.url}/oauth/token",
    }


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_oauth_is_well_again_and_again(company: Company, kind: str, database_url: str) -> None:
    """The next check finds the tokens of this one; the configured refresh token is spent."""
    source = _oauth(company, kind)
    for _ in range(2):
        assert f"Signed in to {company.url}" in _check(source, database_url)
    spent = company.site.identity.refresh[source["refresh_token"]]
    assert spent.spent is not None


def test_a_revoked_authorisation_says_to_authorise_again(company: Company, database_url: str) -> None:
    """A refresh token that has expired."""
    source = _oauth(company, "jira")
    company.site.identity.expire([company.site.identity.refresh[source["refresh_token"]]])
    assert "authorise the app again" in _problem(source, database_url)


def test_a_wrong_app_secret_is_said(company: Company, database_url: str) -> None:
    """Client id or secret."""
    source = _oauth(company, "jira") | {"client_secret": "s3cret-wrong"}
    assert "check client_id and client_secret" in _problem(source, database_url)


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_a_wrong_token_is_said(company: Company, kind: str) -> None:
    """Or one that expired."""
    assert "refused the credentials" in _problem(_account(company.url, kind, token="s3cret-wrong"))


@pytest.mark.parametrize("kind", ["jira", "confluence"])
def test_each_missing_scope_is_told_from_a_wrong_token(company: Company, kind: str) -> None:
    """One after the other is taken away."""
    scopes = SCOPES[kind].split()
    for missing in scopes:
        token = f"s3cret-without-{missing}"
        company.site.identity.scoped[token] = frozenset(scopes) - {missing}
        source = _account(company.url, kind, token=token, auth="scoped", gateway_url=company.url)
        message = _problem(source)
        assert "scope" in message, missing
        assert "refused the credentials" not in message


def test_a_scoped_token_at_the_tenants_address_is_told_where_to_go(company: Company) -> None:
    """The tenant knows it not."""
    company.site.identity.scoped["s3cret-scoped"] = frozenset(SCOPES["jira"].split())
    assert 'needs auth = "scoped"' in _problem(_account(company.url, token="s3cret-scoped"))


def test_a_wrong_cloud_id_is_said(company: Company) -> None:
    """Set by hand."""
    company.site.identity.scoped["s3cret-scoped"] = frozenset(SCOPES["jira"].split())
    keys = {"token": "s3cret-scoped", "auth": "scoped", "gateway_url": company.url}
    assert "cloud_id" in _problem(_account(company.url, cloud_id=CLOUD_ID[::-1], **keys))


def test_a_site_without_a_cloud_id_is_said() -> None:
    """Its address is not that of a Cloud site."""
    with serve(lambda _: Reply(status=404)) as server:
        source = _account(server.url, auth="scoped", gateway_url=server.url)
        assert "does not tell a cloud id" in _problem(source)


def test_a_sign_in_page_is_said() -> None:
    """Answered at once, and by a redirect."""
    with serve(lambda _: Reply(body=b"<!doctype html>Sign in")) as server:
        assert "sign-in page" in _problem(_account(server.url))
    with serve(lambda _: Reply(status=302, headers={"Location": "https://id.acme.example/login"})) as server:
        assert "sends requests on to id.acme.example" in _problem(_account(server.url))


def test_an_unknown_certificate_says_what_to_set(tmp_path: Path) -> None:
    """And is well with it."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    with serve(lambda _: Reply(status=401), tls=context) as server:
        assert "set ca_bundle" in _problem(_account(server.url))
        assert "refused the credentials" in _problem(_account(server.url, ca_bundle=str(file)))
    assert "There is no file" in _problem(_account("https://acme.example", ca_bundle=str(tmp_path / "none")))


def test_a_proxy_is_used_and_its_failures_are_said(company: Company) -> None:
    """Wrong login."""
    with proxy() as between:
        assert "Signed in" in _check(_account(company.url, proxy=between.url))
        assert between.calls
    with proxy(login="Basic eDp5") as between:
        assert "proxy wants a user and password" in _problem(_account(company.url, proxy=between.url))


def test_a_folder_is_checked_without_any_of_it(tmp_path: Path) -> None:
    """No address, no account."""
    (tmp_path / "notes.md").write_text("# Notes\nWater the plants.")
    assert _check({"kind": "files", "path": str(tmp_path)})


def test_sources_of_one_host_share_a_limiter_and_others_do_not(database_url: str) -> None:
    """Jira and Confluence of one Cloud site; in one process."""
    hosts = ["https://acme.atlassian.net", "https://acme.atlassian.net/wiki", "https://other.atlassian.net"]
    values = {
        "sources": [_account(url, "confluence", name=f"s{number}") for number, url in enumerate(hosts)],
        "database": {"url": database_url},
    }
    settings = build_settings(values, where="the test", environment=False)
    with open_services(settings) as services:
        limiters = [_limiter(build_connector(source, services.reach)) for source in services.settings.sources]
    assert limiters[0] is limiters[1]
    assert limiters[0] is not limiters[2]


def _limiter(connector: Any) -> SiteLimiter:
    limiter: SiteLimiter = connector._client._limiter
    return limiter


def test_oauth_without_a_database_is_refused(company: Company) -> None:
    """A refresh token that is not kept is lost."""
    settings = _settings(_oauth(company, "jira"))
    with pytest.raises(ConfigError, match="database keeps"):
        build_connector(settings.sources[0])


def test_webhook_secrets_come_with_their_product() -> None:
    """Only sources that have one."""
    sources = [
        _account("https://a.example", "jira", name="one", webhook_secret="s3cret-1"),
        _account("https://a.example", "confluence", name="two", webhook_secret="s3cret-2"),
        _account("https://a.example", "jira", name="three"),
        {"kind": "files", "path": "/srv", "name": "four"},
    ]
    settings = build_settings({"sources": sources}, where="the test", environment=False)
    found = {name: (product.value, secret) for name, (product, secret) in webhook_secrets(settings).items()}
    assert found == {"one": ("jira", "s3cret-1"), "two": ("confluence", "s3cret-2")}
