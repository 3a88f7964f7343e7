"""Both flows and the token endpoint against the real provider, with its default settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from seeclickfix_async import (
    Accounts,
    AsyncClient,
    MemoryStore,
    StoredToken,
    TokenEndpoint,
    errors,
    oauth,
)
from seeclickfix_async.oauth import AuthorizationCode, Flow, Token
from tests.support.doorkeeper import CALLBACK, Doorkeeper

pytestmark = pytest.mark.anyio


@pytest.fixture
async def endpoint(provider: Doorkeeper) -> AsyncIterator[TokenEndpoint]:
    async with TokenEndpoint(provider.application(), limiter=None) as endpoint:
        yield endpoint


@pytest.fixture
async def client(provider: Doorkeeper) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=provider.url, limiter=None) as client:
        yield client


def begin_flow(provider: Doorkeeper, kind: oauth.FlowKind = "code", **options: object) -> Flow:
    app = provider.application(str(options.pop("client_id", "confidential-app")))
    return oauth.begin(app, kind, **options)  # type: ignore[arg-type]


def login_for_code(provider: Doorkeeper, flow: Flow | None = None) -> AuthorizationCode:
    flow = flow or begin_flow(provider)
    return cast("AuthorizationCode", oauth.finish(flow, provider.authorize(flow.url)))


async def login_for_token(provider: Doorkeeper, endpoint: TokenEndpoint) -> Token:
    return await endpoint.exchange(login_for_code(provider))


async def fetch_owner(client: AsyncClient, token: Token) -> int | None:
    user = await client.with_options(token=token).users.me()
    return user.id if user else None


async def test_the_implicit_flow_returns_a_token(provider: Doorkeeper, client: AsyncClient) -> None:
    flow = begin_flow(provider, "implicit", scope="public write")
    redirected = provider.authorize(flow.url)

    token = cast("Token", oauth.finish(flow, redirected))

    assert redirected.startswith(f"{CALLBACK}#access_token=")
    assert (token.token_type, token.expires_in) == ("Bearer", 7200)
    assert (token.scope, token.refresh_token) == (None, None)
    assert await fetch_owner(client, token) == 1


async def test_authorize_url_and_parse_fragment_return_a_token(
    provider: Doorkeeper, client: AsyncClient
) -> None:
    state = oauth.generate_state()
    url = oauth.authorize_url("confidential-app", CALLBACK, state=state, base_url=provider.url)

    token = oauth.parse_fragment(provider.authorize(url), state=state)

    assert await fetch_owner(client, token) == 1


@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_a_denial_raises_access_denied(provider: Doorkeeper, kind: oauth.FlowKind) -> None:
    flow = begin_flow(provider, kind)

    with pytest.raises(errors.AccessDeniedError) as caught:
        oauth.finish(flow, provider.authorize(flow.url, "Deny"))

    assert caught.value.code == "access_denied"
    assert "denied" in caught.value.description


@pytest.mark.parametrize("kind", ["code", "implicit"])
@pytest.mark.parametrize(
    "state", ["a b+c&d=e#f%41 é漢字😀 ~*-._!'()", "<>\\^`{|}\"'; and more", "x" * 1000]
)
async def test_any_state_is_returned_unchanged(
    provider: Doorkeeper, state: str, kind: oauth.FlowKind
) -> None:
    response_type = "token" if kind == "implicit" else "code"
    url = oauth.authorize_url(
        "confidential-app",
        CALLBACK,
        state=state,
        base_url=provider.url,
        response_type=response_type,  # type: ignore[arg-type]
    )
    redirected = provider.authorize(url)

    if kind == "implicit":
        assert oauth.parse_fragment(redirected, state=state)
    else:
        assert oauth.parse_callback(redirected, state=state, redirect_uri=CALLBACK)


async def test_a_response_without_a_state_is_accepted_only_if_none_was_sent(
    provider: Doorkeeper,
) -> None:
    url = oauth.authorize_url("confidential-app", CALLBACK, base_url=provider.url)
    redirected = provider.authorize(url)

    assert "state" not in redirected
    assert oauth.parse_fragment(redirected, state=None)
    with pytest.raises(errors.StateMismatchError):
        oauth.parse_fragment(redirected, state=oauth.generate_state())


@pytest.mark.parametrize("change", ["&scope=nonsense", "&response_type=id_token"])
async def test_an_invalid_authorization_request_is_not_redirected(
    provider: Doorkeeper, change: str
) -> None:
    """The provider shows an error page with status 200, so a listener needs a timeout."""
    page = provider.press(begin_flow(provider).url + change)

    assert page.status == 200
    assert page.location is None


async def test_a_loopback_redirect_uri_may_have_any_port(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    app = provider.application(redirect_uri="http://127.0.0.1:45678/callback")
    flow = oauth.begin(app)

    assert await endpoint.exchange(login_for_code(provider, flow))


async def test_the_query_of_the_redirect_uri_is_kept(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    app = provider.application(redirect_uri="http://127.0.0.1:8899/with-query?tenant=one")
    flow = oauth.begin(app)

    assert await endpoint.exchange(login_for_code(provider, flow))


async def test_a_redirect_uri_with_a_code_in_its_query_is_refused(provider: Doorkeeper) -> None:
    flow = oauth.begin(provider.application(redirect_uri=f"{CALLBACK}?code=mine"))

    with pytest.raises(errors.InvalidRedirectError, match="code twice"):
        oauth.finish(flow, provider.authorize(flow.url))


@pytest.mark.parametrize("client_id", ["confidential-app", "public-app", "odd-secret-app"])
async def test_the_code_flow_returns_a_token_with_a_refresh_token(
    provider: Doorkeeper, client: AsyncClient, client_id: str
) -> None:
    flow = begin_flow(provider, client_id=client_id, scope=["public", "write"])
    async with TokenEndpoint(provider.application(client_id), limiter=None) as endpoint:
        token = await endpoint.exchange(login_for_code(provider, flow))

    assert token.scope == ("public", "write")
    assert token.missing_scopes(flow.scope) == ()
    assert token.refresh_token is not None
    assert token.expires_at == token.created_at + timedelta(seconds=7200)
    assert await fetch_owner(client, token) == 1


async def test_a_code_is_valid_once(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    code = login_for_code(provider)
    await endpoint.exchange(code)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(code)


async def test_a_wrong_verifier_does_not_invalidate_the_code(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    code = login_for_code(provider)
    other = AuthorizationCode(code.code, code.redirect_uri, oauth.generate_pkce().verifier)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(other)
    with pytest.raises(errors.AuthorizationError) as caught:
        await endpoint.exchange(AuthorizationCode(code.code, code.redirect_uri))

    assert caught.value.code == "invalid_request"
    assert await endpoint.exchange(code)


async def test_an_expired_code_is_refused(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    code = login_for_code(provider)
    provider.age(code.code.reveal(), 601)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(code)


async def test_another_redirect_uri_is_refused(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    code = login_for_code(provider)
    other_uri = "https://client.example/callback"

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(AuthorizationCode(code.code, other_uri, code.verifier))


async def test_a_wrong_client_secret_raises_invalid_client(provider: Doorkeeper) -> None:
    app = oauth.Application("confidential-app", CALLBACK, "wrong", provider.url)
    async with TokenEndpoint(app, limiter=None) as endpoint:
        with pytest.raises(errors.InvalidClientError, match="client_secret"):
            await endpoint.exchange(login_for_code(provider))


async def test_client_credentials_return_a_token_without_a_user(
    endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await endpoint.client_credentials("public")

    assert token.refresh_token is None
    assert (await endpoint.info(token)).resource_owner_id is None
    assert await fetch_owner(client, token) is None


async def test_an_unknown_scope_raises_invalid_scope(endpoint: TokenEndpoint) -> None:
    with pytest.raises(errors.InvalidScopeError):
        await endpoint.client_credentials("nonsense")


async def test_the_old_pair_is_valid_until_the_new_one_is_used(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    old = await login_for_token(provider, endpoint)
    new = await endpoint.refresh(old)

    assert await fetch_owner(client, old) == 1
    assert await fetch_owner(client, new) == 1
    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await fetch_owner(client, old)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(old)


async def test_an_expired_token_is_refreshed(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await login_for_token(provider, endpoint)
    provider.age(token.access_token.reveal(), 10 * 366 * 86_400)

    with pytest.raises(errors.AuthenticationError, match="expired"):
        await fetch_owner(client, token)

    assert await fetch_owner(client, await endpoint.refresh(token)) == 1


async def test_a_refresh_without_the_client_secret_is_refused(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await login_for_token(provider, endpoint)
    app_without_secret = oauth.Application("confidential-app", CALLBACK, base_url=provider.url)
    async with TokenEndpoint(app_without_secret, limiter=None) as public:
        with pytest.raises(errors.AuthorizationError):
            await public.refresh(token)

    assert await endpoint.refresh(token)


async def test_a_stored_token_is_renewed_when_the_service_refuses_it(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    store = MemoryStore()
    token = await login_for_token(provider, endpoint)
    await store.put("me", token)
    provider.age(token.access_token.reveal(), 8000)

    view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

    user = await view.users.me()
    assert user is not None
    assert user.id == 1
    stored = await store.get("me")
    assert stored is not None
    assert stored.access_token != token.access_token


async def test_a_revoked_token_requires_reauthorization(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    store = MemoryStore()
    token = await login_for_token(provider, endpoint)
    await store.put("me", token)
    await endpoint.revoke(token)

    view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

    with pytest.raises(errors.ReauthorizationRequiredError) as caught:
        await view.users.me()
    assert caught.value.key == "me"


async def test_revoke_invalidates_both_tokens(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await login_for_token(provider, endpoint)

    await endpoint.revoke(token)
    await endpoint.revoke(token)

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await fetch_owner(client, token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)


async def test_revoke_invalidates_the_refresh_token_of_an_expired_token(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    """The provider itself would respond with 200, and the refresh token would remain valid."""
    token = await login_for_token(provider, endpoint)
    provider.age(token.access_token.reveal(), 8000)
    later = datetime.now(UTC) + timedelta(seconds=8000)
    app = provider.application()

    async with TokenEndpoint(app, limiter=None, now=lambda: later) as endpoint_later:
        await endpoint_later.revoke(token)
        await endpoint_later.revoke(token)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)


async def test_another_applications_token_cannot_be_revoked(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await login_for_token(provider, endpoint)

    async with TokenEndpoint(provider.application("other-app"), limiter=None) as other:
        with pytest.raises(errors.UnauthorizedClientError):
            await other.revoke(token)

    assert await fetch_owner(client, token) == 1


async def test_sign_out_deletes_and_revokes_the_token(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    accounts = Accounts(MemoryStore(), endpoint)
    token = await login_for_token(provider, endpoint)
    await accounts.sign_in("me", token)
    view = client.with_options(token=accounts.source("me"))
    assert await view.verify()

    await accounts.sign_out("me")
    await accounts.sign_out("me")

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await fetch_owner(client, token)
    with pytest.raises(errors.ReauthorizationRequiredError):
        await client.with_options(token=accounts.source("me")).users.me()


async def test_revoking_the_access_of_the_application_invalidates_tokens_and_codes(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await login_for_token(provider, endpoint)
    unused_code = login_for_code(provider)

    provider.revoke_all()

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await fetch_owner(client, token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(unused_code)


async def test_info_and_introspection_of_a_valid_token(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await login_for_token(provider, endpoint)

    info = await endpoint.info(token)
    introspection = await endpoint.introspect(token)

    assert (info.resource_owner_id, info.scope) == (1, ("public",))
    assert info.client_id == introspection.client_id == "confidential-app"
    assert info.expires_in is not None
    assert info.expires_in <= 7200
    assert introspection.active
    assert introspection.scope == ("public",)
    assert introspection.expires_at is not None
    assert introspection.issued_at is not None
    assert introspection.expires_at - introspection.issued_at == timedelta(seconds=7200)


async def test_info_and_introspection_of_a_revoked_token(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await login_for_token(provider, endpoint)
    await endpoint.revoke(token)

    assert not (await endpoint.introspect(token)).active
    with pytest.raises(errors.AuthenticationError):
        await endpoint.info(token)


async def test_each_application_verifies_its_own_tokens_only(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    app = provider.application("other-app")
    async with TokenEndpoint(app, limiter=None) as other:
        flow = oauth.begin(app)
        code = oauth.finish(flow, provider.authorize(flow.url))
        tokens = {
            endpoint: await login_for_token(provider, endpoint),
            other: await other.exchange(cast("AuthorizationCode", code)),
        }

        for verifier in tokens:
            for issuer, token in tokens.items():
                if verifier is issuer:
                    assert (await verifier.verify(token)).resource_owner_id == 1
                else:
                    with pytest.raises(errors.ForeignTokenError) as caught:
                        await verifier.verify(token.access_token.reveal())
                    assert caught.value.code == "foreign_token"


async def test_introspection_of_a_refresh_token_is_that_of_its_access_token(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await login_for_token(provider, endpoint)
    assert token.refresh_token is not None

    assert await endpoint.introspect(token.refresh_token) == await endpoint.introspect(token)


async def test_the_profile_without_a_token_is_a_200_without_an_id(
    provider: Doorkeeper, client: AsyncClient
) -> None:
    """Only verify() raises for the response `{"id": null}`."""
    assert provider.get("/api/v2/profile").json == {"id": None}
    assert await client.users.me() is None
    with pytest.raises(errors.AuthenticationError, match="not signed in"):
        await client.verify()


async def test_a_missing_scope_raises_permission_denied(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await login_for_token(provider, endpoint)

    with pytest.raises(errors.PermissionDeniedError):
        await client.with_options(token=token).request("POST", "/write")


async def test_requesting_write_alone_does_not_grant_public(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    flow = begin_flow(provider, scope="write")
    token = await endpoint.exchange(login_for_code(provider, flow))
    view = client.with_options(token=token)

    assert token.missing_scopes(["public", "write"]) == ("public",)
    assert (await view.request("POST", "/write")).status == 200
    with pytest.raises(errors.PermissionDeniedError):
        await view.request("GET", "/strict")


@pytest.mark.parametrize(
    ("path", "header"), [("strict", None), ("strict", "x" * 43), ("profile", "x" * 43)]
)
async def test_an_unknown_token_is_refused(
    client: AsyncClient, path: str, header: str | None
) -> None:
    reason = "not signed in" if header is None else "invalid"
    with pytest.raises(errors.AuthenticationError, match=reason) as caught:
        await client.with_options(token=header).request("GET", f"/{path}")

    assert caught.value.body is None
