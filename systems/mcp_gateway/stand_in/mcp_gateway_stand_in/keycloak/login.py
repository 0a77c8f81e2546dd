# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages and endpoints of a realm that a browser visits: login and logout."""

from __future__ import annotations

import hmac
import secrets
from html import escape
from urllib.parse import urlencode

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from mcp_gateway_stand_in.keycloak.grants import Request, Server
from mcp_gateway_stand_in.keycloak.store import Document
from mcp_gateway_stand_in.keycloak.tokens import TokenError

PENDING_COOKIE = "AUTH_SESSION_ID"
SESSION_COOKIE = "KEYCLOAK_IDENTITY"
PENDING_SECONDS = 1800.0  # in which a user logs in
POST_LOGOUT_ATTRIBUTE = "post.logout.redirect.uris"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1>{body}<p>This is a stand-in for Keycloak.</p></body>
</html>
"""
FORM = """<p id="input-error">{error}</p>
<form id="kc-form-login" method="post" action="{action}">
<label>Username <input id="username" name="username" autocomplete="username"></label>
<label>Password <input id="password" name="password" type="password" autocomplete="current-password"></label>
<input id="kc-login" type="submit" value="Sign In">
</form>
"""


class Login:
    """The login to one realm.

    Args:
        server: the authorization server of the realm.
        path: of the realm's URL.
        secure: whether cookies travel over HTTPS alone.
    """

    def __init__(self, server: Server, path: str, secure: bool) -> None:
        self.server = server
        self.realm = server.realm
        self.path = path
        self.secure = secure

    async def authorize(self, request: web.Request) -> web.Response:
        """Respond to an authorization request with the form, or with a code where the user has logged in."""
        oauth = Request("GET", str(request.url), request.headers, list(request.query.items()))
        user = self.session_user(request)
        try:
            grant = self.server.get_consent_grant(oauth, user)
        except OAuth2Error as error:
            return self.refused(oauth, error)
        except ValueError:  # Authlib's, for an error text with other characters than OAuth 2.0 allows
            return page("We are sorry...", "<p>invalid_request</p>", 400)
        prompt = oauth.payload.data.get("prompt", "")
        if user and prompt != "login":
            return self.granted(oauth, user, grant)
        if prompt == "none":
            query = {"error": "login_required", "state": oauth.payload.state or ""}
            return redirect(f"{oauth.payload.redirect_uri}?{urlencode(query)}")
        pending = secrets.token_urlsafe(32)
        code = secrets.token_urlsafe(32)
        document = {"code": code, "query": list(request.query.items())}
        self.realm.store.put(self.realm.kind("pending"), pending, document, PENDING_SECONDS)
        response = self.form(code)
        self.set_cookie(response, PENDING_COOKIE, pending)
        return response

    async def authenticate(self, request: web.Request) -> web.Response:
        """Judge the user's name and password; respond with a code or with the form again."""
        kind, key = self.realm.kind("pending"), request.cookies.get(PENDING_COOKIE, "")
        pending = self.realm.store.get(kind, key)
        code = request.query.get("session_code", "")
        if not pending or not hmac.compare_digest(code.encode(), pending["code"].encode()):
            return page("Login timeout", "<p>Start the login again.</p>", 400)
        fields = await request.post()
        user = self.realm.authenticated(str(fields.get("username", "")), str(fields.get("password", "")))
        if not user:
            return self.form(code, "Invalid username or password.")
        self.realm.store.delete(kind, key)
        session = secrets.token_urlsafe(32)
        seconds = float(self.realm.settings["ssoSessionMaxLifespan"])
        document = {"user": user["id"], "session": secrets.token_hex(16)}
        self.realm.store.put(self.realm.kind("sessions"), session, document, seconds)
        oauth = Request("GET", str(request.url), request.headers, pending["query"])
        user = user | {"session": document["session"]}
        try:
            response = self.granted(oauth, user, self.server.get_consent_grant(oauth, user))
        except OAuth2Error as error:
            return self.refused(oauth, error)
        self.set_cookie(response, SESSION_COOKIE, session)
        response.del_cookie(PENDING_COOKIE, path=self.path)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session that an ID token names, and redirect to a registered URI.

        https://openid.net/specs/openid-connect-rpinitiated-1_0.html
        """
        try:
            claims = self.server.tokens.claims(request.query.get("id_token_hint", ""), "ID", expired=True)
        except TokenError:
            return page("Logout", "<p>Missing parameters: id_token_hint</p>", 400)
        user = self.session_user(request)
        if user and user["session"] == claims["sid"]:
            self.realm.store.delete(self.realm.kind("sessions"), request.cookies[SESSION_COOKIE])
        target = request.query.get("post_logout_redirect_uri", "")
        client = self.realm.client(claims["azp"])
        if target and (not client or target not in client["attributes"].get(POST_LOGOUT_ATTRIBUTE, "").split("##")):
            return page("Logout", "<p>Invalid redirect uri</p>", 400)
        response = redirect(target) if target else page("Logout", "<p>You are logged out.</p>")
        response.del_cookie(SESSION_COOKIE, path=self.path)
        return response

    def session_user(self, request: web.Request) -> Document | None:
        """Return the user whose session a cookie names."""
        session = self.realm.store.get(self.realm.kind("sessions"), request.cookies.get(SESSION_COOKIE, ""))
        user = self.realm.by_id("users", session["user"]) if session else None
        return user | {"session": session["session"]} if session and user and user["enabled"] else None

    def granted(self, oauth: Request, user: Document, grant: object) -> web.Response:
        """Redirect to the client with a code."""
        status, body, headers = self.server.create_authorization_response(oauth, user, grant)
        return web.Response(status=status, text=str(body), headers={**headers, "Cache-Control": "no-store"})

    def refused(self, oauth: Request, error: OAuth2Error) -> web.Response:
        """Redirect to the client with an error, or show it where the client is unknown."""
        status, body, headers = self.server.handle_error_response(oauth, error)
        if status in (301, 302, 303):
            return web.Response(status=status, headers={**headers, "Cache-Control": "no-store"})
        return page("We are sorry...", f"<p>{escape(dict(body)['error'])}</p>", 400)

    def form(self, code: str, error: str = "") -> web.Response:
        """Return the form."""
        action = f"{self.path}login-actions/authenticate?{urlencode({'session_code': code})}"
        return page("Sign in to your account", FORM.format(error=escape(error), action=escape(action)))

    def set_cookie(self, response: web.Response, name: str, value: str) -> None:
        """Set a cookie of the realm."""
        response.set_cookie(name, value, path=self.path, httponly=True, secure=self.secure, samesite="Lax")


def page(title: str, body: str, status: int = 200) -> web.Response:
    """Return a page."""
    text = PAGE.format(title=escape(title), body=body)
    return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)


def redirect(url: str) -> web.Response:
    """Return a redirect."""
    return web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
