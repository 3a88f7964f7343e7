"""A web service in which citizens sign in with SeeClickFix and report a problem with a photo."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from seeclickfix_async import Accounts, AsyncClient, FileStore, HostLimiter, TokenEndpoint
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError, ValidationError
from seeclickfix_async.models import Moderated, QuestionType
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.web import Login, add_error_handlers, get_client, lifespan
from seeclickfix_async.web.fastapi import signed_in

SITE = os.environ["SITE_URL"]  # as browsers see it, such as https://311.example.org
KEY = os.environ["SECRET_KEY"]  # at least 32 characters, the same in all processes

application = Application(
    os.environ["SEECLICKFIX_CLIENT_ID"],
    f"{SITE}/callback",
    os.environ.get("SEECLICKFIX_CLIENT_SECRET"),
    os.environ.get("SEECLICKFIX_BASE_URL", "https://seeclickfix.com"),
)
limiter = HostLimiter()  # all workers of this machine share one quota
endpoint = TokenEndpoint(application, limiter=limiter, max_wait=10)
accounts = Accounts(FileStore("tokens"), endpoint)
templates = Jinja2Templates(Path(__file__).with_name("templates"))


def make_client() -> AsyncClient:
    return AsyncClient(base_url=application.base_url, limiter=limiter, max_wait=10)


async def welcome(request: Request, token: Token, next: str) -> Response:
    user = await (await get_client(request)).with_options(token=token).verify()
    await accounts.sign_in(str(user.id), token)
    request.session.clear()
    request.session["user"] = str(user.id)
    return RedirectResponse(next)


async def goodbye(request: Request) -> Response:
    user = request.session.get("user")
    request.session.clear()
    if user is not None:
        with contextlib.suppress(SeeClickFixError):  # it may be deleted, and not revoked
            await accounts.sign_out(user)
    return RedirectResponse("/")


def current_user(request: Request) -> str | None:
    return request.session.get("user")


Person = Annotated[AsyncClient, Depends(signed_in(accounts, current_user, login="/login"))]
login = Login(
    application,
    endpoint,
    secret_key=KEY,
    on_login=welcome,
    on_logout=goodbye,
    scope="public write",
)
site = FastAPI(routes=login.routes(), lifespan=lifespan(make_client, endpoint=endpoint))
site.add_middleware(SessionMiddleware, secret_key=KEY, https_only=SITE.startswith("https:"))


def page(request: Request, name: str, status: int = 200, **values: Any) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src *; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    context = {"nonce": nonce, "user": current_user(request), **values}
    return templates.TemplateResponse(request, name, context, status, headers)


async def show_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        error = HTTPException(422, "A part of the address or of the form is missing or invalid.")
    response = page(request, "error.html", error.status_code, error=error)
    response.headers.update(error.headers or {})
    return response


add_error_handlers(site, render=show_error)
for error in (HTTPException, RequestValidationError):
    site.add_exception_handler(error, show_error)


def refuse_other_sites(request: Request) -> None:
    """Refuse forms that another site sends with the cookies of a visitor (CSRF)."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":  # browsers since 2023 send it
        raise HTTPException(403, "This form was not sent by a page of this site.")


@site.get("/")
async def home(request: Request) -> Response:
    return page(request, "home.html")


@site.get("/reports")
async def reports(request: Request, person: Person, moderated: bool = False) -> Response:
    newest = await person.issues.mine()
    return page(request, "reports.html", issues=newest.items, moderated=moderated)


@site.get("/report")
async def choose(
    request: Request, person: Person, lat: float | None = None, lng: float | None = None
) -> Response:
    if lat is None or lng is None:
        return page(request, "place.html")
    options = [o for o in await person.report_form(lat=lat, lng=lng) if not o.block_submission]
    return page(request, "categories.html", options=options, lat=lat, lng=lng)


@site.get("/report/{category}")
async def fill_in(
    request: Request, person: Person, category: str, lat: float, lng: float
) -> Response:
    request_type = await person.request_types.get(category)
    return page(request, "form.html", type=request_type, values={"lat": lat, "lng": lng})


@site.post("/report/{category}", dependencies=[Depends(refuse_other_sites)])
async def report(
    request: Request,
    person: Person,
    category: str,
    lat: Annotated[float, Form()],
    lng: Annotated[float, Form()],
    address: Annotated[str, Form()] = "",
    photo: UploadFile | None = None,
) -> Response:
    request_type = await person.request_types.get(category)
    form = await request.form()  # the questions depend on the category
    answers: dict[str, Any] = {
        q.primary_key: form.getlist(q.primary_key)
        if q.question_type == QuestionType.MULTIVALUELIST
        else form.get(q.primary_key)
        for q in request_type.questions or ()
        if q.primary_key is not None
    }
    image = photo if photo and photo.size else None  # without a photo, browsers send an empty file
    try:
        draft = request_type.draft(lat=lat, lng=lng, address=address, answers=answers, image=image)
        outcome = await person.issues.create(draft)
    except (InvalidArgumentError, ValidationError) as error:
        return page(request, "form.html", 422, type=request_type, values=form, errors=error.errors)
    query = "?moderated=true" if isinstance(outcome, Moderated) else ""
    return RedirectResponse(f"/reports{query}", 303)
