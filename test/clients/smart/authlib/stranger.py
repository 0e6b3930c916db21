"""A SMART app and a backend service as somebody would write them with Authlib; run by authlib.test.ts, which asks for a deed by a line of JSON and is told what came of it by another."""

import json
import sys
import time
import traceback

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet, import_key


def discovered(base):
    return requests.get(f"{base}/.well-known/smart-configuration", timeout=10).json()


def opened(asked, places):
    """A session that proves itself in the way that its client is registered for."""
    key = asked.get("key")
    return OAuth2Session(
        asked["client_id"],
        import_key(key) if key else asked.get("client_secret"),
        token_endpoint_auth_method=asked["auth"],
        revocation_endpoint_auth_method=asked["auth"],
        scope=asked["scope"],
        redirect_uri=asked.get("redirect_uri"),
        token_endpoint=places["token_endpoint"],
        code_challenge_method="S256",
    )


def prove(session, asked, places):
    """For each request anew: SMART gives an assertion five minutes and a single use, Authlib an hour and the same jti with the same claims."""
    if "key" in asked:
        session.register_client_auth_method(
            PrivateKeyJWT(
                places["token_endpoint"],
                alg=asked["key"]["alg"],
                headers={"kid": asked["key"]["kid"]},
                claims={"exp": int(time.time()) + 240},
            )
        )
    return session


def authorize(asked):
    places = discovered(asked["base"])
    session = opened(asked, places)
    url, state = session.create_authorization_url(
        places["authorization_endpoint"],
        code_verifier=asked["verifier"],
        aud=asked["base"],
        nonce="once",
    )
    return {"url": url, "state": state}


def status(session, asked):
    return session.get(f"{asked['base']}/Patient/{asked['patient']}").status_code


def come_back(asked):
    places = discovered(asked["base"])
    session = prove(opened(asked, places), asked, places)
    token = dict(
        session.fetch_token(
            authorization_response=asked["callback"],
            state=asked["state"],
            code_verifier=asked["verifier"],
        )
    )
    keys = KeySet.import_key_set(requests.get(places["jwks_uri"], timeout=10).json())
    identity = jwt.decode(token["id_token"], keys)
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": places["issuer"]},
        aud={"essential": True, "value": asked["client_id"]},
        exp={"essential": True},
        nonce={"essential": True, "value": "once"},
    ).validate(identity.claims)
    told = {
        "patient": token["patient"],
        "scope": token["scope"],
        "sub": identity.claims["sub"],
        "read": status(session, asked),
    }
    if asked["auth"] != "none":
        prove(session, asked, places)
        answer = session.introspect_token(places["introspection_endpoint"], token=token["access_token"])
        told["introspected"] = answer.json()
    prove(session, asked, places)
    fresh = dict(session.refresh_token(places["token_endpoint"]))
    told["is_new"] = fresh["access_token"] != token["access_token"]
    told["read_again"] = status(session, asked)
    prove(session, asked, places)
    told["revoked"] = session.revoke_token(
        places["revocation_endpoint"], token=fresh["refresh_token"], token_type_hint="refresh_token"
    ).status_code
    told["read_after"] = status(session, asked)
    return told


def serve(asked):
    places = discovered(asked["base"])
    session = prove(opened(asked, places), asked, places)
    token = dict(session.fetch_token(grant_type="client_credentials"))
    told = {"scope": token["scope"], "has_refresh_token": "refresh_token" in token, "read": status(session, asked)}
    told["outside"] = session.get(f"{asked['base']}/Practitioner").status_code
    if "key" in asked:
        try:
            # With the same claims it takes the same jti.
            session.fetch_token(grant_type="client_credentials")
        except OAuthError as error:
            told["replayed"] = error.error
    prove(session, asked, places)
    told["introspected"] = session.introspect_token(
        places["introspection_endpoint"], token=token["access_token"]
    ).json()["active"]
    prove(session, asked, places)
    told["revoked"] = session.revoke_token(places["revocation_endpoint"], token=token["access_token"]).status_code
    told["read_after"] = status(session, asked)
    return told


deeds = {"authorize": authorize, "come_back": come_back, "serve": serve}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        told = deeds[asked["deed"]](asked)
    except Exception:
        told = {"error": traceback.format_exc()}
    print(json.dumps(told), flush=True)
