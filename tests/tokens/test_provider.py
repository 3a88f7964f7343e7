"""Both flows and the token endpoint against the real provider, on its default settings.

The numbers in the names of groups are those of the provider's observed behaviour: what a client
meets there is what these tests do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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
from tests.support.doorkeeper import CALLBACK, Doorkeeper, doorkeeper

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def running() -> Iterator[Doorkeeper]:
    with doorkeeper() as provider:
        yield provider


@pytest.fixture
def provider(running: Doorkeeper) -> Doorkeeper:
    running.reset()
    return running


@pytest.fixture
async def endpoint(provider: Doorkeeper) -> AsyncIterator[TokenEndpoint]:
    async with TokenEndpoint(provider.application(), limiter=None) as endpoint:
        yield endpoint


@pytest.fixture
async def client(provider: Doorkeeper) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=provider.url, limiter=None) as client:
        yield client


def flow_of(provider: Doorkeeper, kind: oauth.FlowKind = "code", **options: object) -> Flow:
    app = provider.application(str(options.pop("client_id", "confidential-app")))
    return oauth.begin(app, kind, **options)  # type: ignore[arg-type]


def code_of(provider: Doorkeeper, flow: Flow | None = None) -> AuthorizationCode:
    flow = flow or flow_of(provider)
    return cast("AuthorizationCode", oauth.finish(flow, provider.authorize(flow.url)))


async def token_of(provider: Doorkeeper, endpoint: TokenEndpoint) -> Token:
    return await endpoint.exchange(code_of(provider))


async def owner(client: AsyncClient, token: Token) -> int | None:
    user = await client.with_options(token=token).users.me()
    return user.id if user else None


# -- the implicit flow ----------------------------------------------------------------------------


async def test_the_implicit_flow_ends_in_a_token(provider: Doorkeeper, client: AsyncClient) -> None:
    flow = flow_of(provider, "implicit", scope="public write")
    came_back = provider.authorize(flow.url)

    token = cast("Token", oauth.finish(flow, came_back))

    assert came_back.startswith(f"{CALLBACK}#access_token=")
    assert (token.token_type, token.expires_in) == ("Bearer", 7200)
    assert (token.scope, token.refresh_token) == (None, None)
    assert await owner(client, token) == 1


async def test_the_plain_functions_do_the_same(provider: Doorkeeper, client: AsyncClient) -> None:
    state = oauth.generate_state()
    url = oauth.authorize_url("confidential-app", CALLBACK, state=state, base_url=provider.url)

    token = oauth.parse_fragment(provider.authorize(url), state=state)

    assert await owner(client, token) == 1


@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_who_denies_is_not_signed_in(provider: Doorkeeper, kind: oauth.FlowKind) -> None:
    flow = flow_of(provider, kind)

    with pytest.raises(errors.AccessDeniedError) as caught:
        oauth.finish(flow, provider.authorize(flow.url, "Deny"))

    assert caught.value.code == "access_denied"
    assert "denied" in caught.value.description


@pytest.mark.parametrize("kind", ["code", "implicit"])
@pytest.mark.parametrize(
    "state", ["a b+c&d=e#f%41 é漢字😀 ~*-._!'()", "<>\\^`{|}\"'; and more", "x" * 1000]
)
async def test_any_state_comes_back(provider: Doorkeeper, state: str, kind: oauth.FlowKind) -> None:
    response_type = "token" if kind == "implicit" else "code"
    url = oauth.authorize_url(
        "confidential-app",
        CALLBACK,
        state=state,
        base_url=provider.url,
        response_type=response_type,  # type: ignore[arg-type]
    )
    came_back = provider.authorize(url)

    if kind == "implicit":
        assert oauth.parse_fragment(came_back, state=state)
    else:
        assert oauth.parse_callback(came_back, state=state, redirect_uri=CALLBACK)


async def test_without_a_state_none_comes_back(provider: Doorkeeper) -> None:
    url = oauth.authorize_url("confidential-app", CALLBACK, base_url=provider.url)
    came_back = provider.authorize(url)

    assert "state" not in came_back
    assert oauth.parse_fragment(came_back, state=None)
    with pytest.raises(errors.StateMismatchError):
        oauth.parse_fragment(came_back, state=oauth.generate_state())


@pytest.mark.parametrize("change", ["&scope=nonsense", "&response_type=id_token"])
async def test_a_wrong_request_never_comes_back(provider: Doorkeeper, change: str) -> None:
    """It ends on a page that only the person sees, with status 200: a listener needs a limit."""
    page = provider.press(flow_of(provider).url + change)

    assert page.status == 200
    assert page.location is None


async def test_any_port_of_this_machine_is_fine(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    app = provider.application(redirect_uri="http://127.0.0.1:45678/callback")
    flow = oauth.begin(app)

    assert await endpoint.exchange(code_of(provider, flow))


async def test_the_redirect_uris_own_query_comes_along(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    app = provider.application(redirect_uri="http://127.0.0.1:8899/with-query?tenant=one")
    flow = oauth.begin(app)

    assert await endpoint.exchange(code_of(provider, flow))


async def test_a_code_of_the_redirect_uris_own_is_refused(provider: Doorkeeper) -> None:
    flow = oauth.begin(provider.application(redirect_uri=f"{CALLBACK}?code=mine"))

    with pytest.raises(errors.InvalidRedirectError, match="code twice"):
        oauth.finish(flow, provider.authorize(flow.url))


# -- the code flow --------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id", ["confidential-app", "public-app", "odd-secret-app"])
async def test_the_code_flow_ends_in_a_token_that_can_be_renewed(
    provider: Doorkeeper, client: AsyncClient, client_id: str
) -> None:
    flow = flow_of(provider, client_id=client_id, scope=["public", "write"])
    async with TokenEndpoint(provider.application(client_id), limiter=None) as endpoint:
        token = await endpoint.exchange(code_of(provider, flow))

    assert token.scope == ("public", "write")
    assert token.missing_scopes(flow.scope) == ()
    assert token.refresh_token is not None
    assert token.expires_at == token.created_at + timedelta(seconds=7200)
    assert await owner(client, token) == 1


async def test_a_code_is_good_once(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    code = code_of(provider)
    await endpoint.exchange(code)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(code)


async def test_a_wrong_verifier_burns_no_code(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    code = code_of(provider)
    other = AuthorizationCode(code.code, code.redirect_uri, oauth.generate_pkce().verifier)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(other)
    with pytest.raises(errors.AuthorizationError) as caught:
        await endpoint.exchange(AuthorizationCode(code.code, code.redirect_uri))

    assert caught.value.code == "invalid_request"
    assert await endpoint.exchange(code)


async def test_an_old_code_is_refused(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    code = code_of(provider)
    provider.age(code.code.reveal(), 601)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(code)


async def test_another_redirect_uri_is_refused(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    code = code_of(provider)
    elsewhere = "https://client.example/callback"

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(AuthorizationCode(code.code, elsewhere, code.verifier))


async def test_a_wrong_secret_is_told(provider: Doorkeeper) -> None:
    app = oauth.Application("confidential-app", CALLBACK, "wrong", provider.url)
    async with TokenEndpoint(app, limiter=None) as endpoint:
        with pytest.raises(errors.InvalidClientError, match="client_secret"):
            await endpoint.exchange(code_of(provider))


async def test_the_application_has_a_token_of_its_own(
    endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await endpoint.client_credentials("public")

    assert token.refresh_token is None
    assert (await endpoint.info(token)).resource_owner_id is None
    assert await owner(client, token) is None


async def test_an_unknown_scope_is_told(endpoint: TokenEndpoint) -> None:
    with pytest.raises(errors.InvalidScopeError):
        await endpoint.client_credentials("nonsense")


# -- renewing -------------------------------------------------------------------------------------


async def test_the_old_pair_lives_until_the_new_one_is_used(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    old = await token_of(provider, endpoint)
    new = await endpoint.refresh(old)

    assert await owner(client, old) == 1
    assert await owner(client, new) == 1
    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await owner(client, old)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(old)


async def test_an_expired_token_is_renewed(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await token_of(provider, endpoint)
    provider.age(token.access_token.reveal(), 10 * 366 * 86_400)

    with pytest.raises(errors.AuthenticationError, match="expired"):
        await owner(client, token)

    assert await owner(client, await endpoint.refresh(token)) == 1


async def test_without_the_secret_a_refresh_token_looks_dead(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await token_of(provider, endpoint)
    nobody = oauth.Application("confidential-app", CALLBACK, base_url=provider.url)
    async with TokenEndpoint(nobody, limiter=None) as public:
        with pytest.raises(errors.AuthorizationError):
            await public.refresh(token)

    assert await endpoint.refresh(token)


async def test_a_stored_token_is_renewed_when_the_service_refuses_it(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    store = MemoryStore()
    token = await token_of(provider, endpoint)
    await store.put("me", token)
    provider.age(token.access_token.reveal(), 8000)

    view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

    user = await view.users.me()
    assert user is not None
    assert user.id == 1
    kept = await store.get("me")
    assert kept is not None
    assert kept.access_token != token.access_token


async def test_a_revoked_token_asks_for_a_new_login(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    store = MemoryStore()
    token = await token_of(provider, endpoint)
    await store.put("me", token)
    await endpoint.revoke(token)

    view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

    with pytest.raises(errors.ReauthorizationRequiredError) as caught:
        await view.users.me()
    assert caught.value.key == "me"


# -- ending ---------------------------------------------------------------------------------------


async def test_revoking_ends_both_tokens(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await token_of(provider, endpoint)

    await endpoint.revoke(token)
    await endpoint.revoke(token)

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await owner(client, token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)


async def test_revoking_ends_what_has_expired_too(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    """The provider alone would answer 200, and leave the refresh token alive."""
    token = await token_of(provider, endpoint)
    provider.age(token.access_token.reveal(), 8000)
    later = datetime.now(UTC) + timedelta(seconds=8000)
    app = provider.application()

    async with TokenEndpoint(app, limiter=None, now=lambda: later) as then:
        await then.revoke(token)
        await then.revoke(token)

    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)


async def test_another_applications_token_cannot_be_revoked(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await token_of(provider, endpoint)

    async with TokenEndpoint(provider.application("other-app"), limiter=None) as other:
        with pytest.raises(errors.UnauthorizedClientError):
            await other.revoke(token)

    assert await owner(client, token) == 1


async def test_signing_out_forgets_and_revokes(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    accounts = Accounts(MemoryStore(), endpoint)
    token = await token_of(provider, endpoint)
    await accounts.sign_in("me", token)
    view = client.with_options(token=accounts.source("me"))
    assert await view.verify()

    await accounts.sign_out("me")
    await accounts.sign_out("me")

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await owner(client, token)
    with pytest.raises(errors.ReauthorizationRequiredError):
        await client.with_options(token=accounts.source("me")).users.me()


async def test_the_person_can_take_it_all_back(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await token_of(provider, endpoint)
    waiting = code_of(provider)

    provider.revoke_all()

    with pytest.raises(errors.AuthenticationError, match="revoked"):
        await owner(client, token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.refresh(token)
    with pytest.raises(errors.InvalidGrantError):
        await endpoint.exchange(waiting)


# -- asking ---------------------------------------------------------------------------------------


async def test_the_provider_tells_of_a_token(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    token = await token_of(provider, endpoint)

    info = await endpoint.info(token)
    told = await endpoint.introspect(token)

    assert (info.resource_owner_id, info.scope) == (1, ("public",))
    assert info.client_id == told.client_id == "confidential-app"
    assert info.expires_in is not None
    assert info.expires_in <= 7200
    assert told.active
    assert told.scope == ("public",)
    assert told.expires_at is not None
    assert told.issued_at is not None
    assert told.expires_at - told.issued_at == timedelta(seconds=7200)


async def test_a_dead_token_is_told_as_dead(provider: Doorkeeper, endpoint: TokenEndpoint) -> None:
    token = await token_of(provider, endpoint)
    await endpoint.revoke(token)

    assert not (await endpoint.introspect(token)).active
    with pytest.raises(errors.AuthenticationError):
        await endpoint.info(token)


async def test_a_refresh_token_is_told_as_its_access_token(
    provider: Doorkeeper, endpoint: TokenEndpoint
) -> None:
    token = await token_of(provider, endpoint)
    assert token.refresh_token is not None

    told = [await endpoint.introspect(one) for one in (token.access_token, token.refresh_token)]

    assert told[0] == told[1]


async def test_nobody_is_answered_like_somebody(provider: Doorkeeper, client: AsyncClient) -> None:
    """200 and `{"id": null}`: only verify() tells that nobody is signed in."""
    assert provider.get("/api/v2/profile").json == {"id": None}
    assert await client.users.me() is None
    with pytest.raises(errors.AuthenticationError, match="not signed in"):
        await client.verify()


async def test_a_scope_that_is_missing_is_a_refusal_without_words(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    token = await token_of(provider, endpoint)

    with pytest.raises(errors.PermissionDeniedError):
        await client.with_options(token=token).request("POST", "/write")


async def test_to_ask_for_write_alone_loses_public(
    provider: Doorkeeper, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    flow = flow_of(provider, scope="write")
    token = await endpoint.exchange(code_of(provider, flow))
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
    told = "not signed in" if header is None else "invalid"
    with pytest.raises(errors.AuthenticationError, match=told) as caught:
        await client.with_options(token=header).request("GET", f"/{path}")

    assert caught.value.body is None
