"""Settings of the console. One way for every place; what differs comes from the environment, and what is unsafe refuses to start.

CAREWHEEL_WORKSPACE  folder with facts, database and keys (default ./carewheel-workspace)
DATABASE_URL         postgresql://… (default: SQLite in the workspace)
CAREWHEEL_HOSTS      names under which the console is reached, with commas (default 127.0.0.1,localhost)
CAREWHEEL_SEALING_KEY  seals what lies in the database (default: made once in the workspace, as CAREWHEEL_SECRET_KEY)
CAREWHEEL_HTTPS      1 where it is reached by HTTPS: secure cookies, HSTS
CAREWHEEL_SMTP       smtp://user:password@host:port for e-mail (default: messages go into files of the workspace)
CAREWHEEL_SMS        address of an HTTP SMS gateway
CAREWHEEL_LIVE       address of the process that sends live updates (`web.live`), where it is not this one; unset: pages ask every ten seconds
"""

from __future__ import annotations

import os
from pathlib import Path

from carewheel.practice.database import database
from carewheel.web.keys import sealing_keys, server_key

WORKSPACE = Path(os.environ.get("CAREWHEEL_WORKSPACE", "carewheel-workspace"))
DEBUG = False
SECRET_KEY = server_key(WORKSPACE)
SEALING_KEYS = sealing_keys(WORKSPACE)
HTTPS = os.environ.get("CAREWHEEL_HTTPS") == "1"
ALLOWED_HOSTS = [
    name.strip()
    for name in os.environ.get("CAREWHEEL_HOSTS", "127.0.0.1,localhost").split(",")
    if name.strip() and "*" not in name
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "carewheel.practice",
    "carewheel.spokes.operations",
    "carewheel.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "carewheel.web.doorkeeper.Doorkeeper",
]
ROOT_URLCONF = "carewheel.web.urls"
WSGI_APPLICATION = "carewheel.web.wsgi.application"
DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""), WORKSPACE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "practice.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]  # fmt: skip

USE_TZ = True
TIME_ZONE = "UTC"  # each location has its own; pages show that one
LANGUAGE_CODE = "en"
USE_I18N = True

_TEMPLATES = Path(__file__).parent / "templates"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [_TEMPLATES / "pages"],
        "APP_DIRS": False,
        "OPTIONS": {"environment": "carewheel.web.templating.environment"},
    },
    {
        # allauth's own pages, in our frame.
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_TEMPLATES / "account_frame"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]
STATIC_URL = "/static/"
# Palette, font and the drawn wheel are those of the report.
STATICFILES_DIRS = [("report", Path(__file__).parents[1] / "wheel" / "report" / "shared")]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Sessions: in the database, sealed, dead on the server after idling or after a working day.
SESSION_ENGINE = "carewheel.web.sealing"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_IDLE_SECONDS = 30 * 60
SESSION_SAVE_EVERY_REQUEST = False
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "carewheel.web.errors.forged"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
# Where live updates come from: another port of this host, or "" for the same origin behind a proxy. None: there are none.
LIVE_ORIGIN = os.environ.get("CAREWHEEL_LIVE")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *([LIVE_ORIGIN] if LIVE_ORIGIN else [])],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "carewheel.web.accounts.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
# Our own throttle (accounts.py) counts by address and account without locking the owner out; allauth's would.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "login": None}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CareWheel"
MFA_ADAPTER = "carewheel.web.sealing.Adapter"
# allauth's own limit on codes is the one that is switched off above.
MFA_FORMS = {
    "authenticate": "carewheel.web.second_factor.CodeForm",
    "reauthenticate": "carewheel.web.second_factor.CodeAgainForm",
    "authenticate_webauthn": "carewheel.web.second_factor.PasskeyForm",
    "reauthenticate_webauthn": "carewheel.web.second_factor.PasskeyAgainForm",
    "login_webauthn": "carewheel.web.second_factor.PasskeyAloneForm",
    "add_webauthn": "carewheel.web.second_factor.NewPasskeyForm",
}
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
EMAIL_BACKEND = "carewheel.web.letters.Letters"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"discreet": {"()": "carewheel.web.discreet.Discreet"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "discreet"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
# auth.W004: addresses are unique without regard to case, by an index that the check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"] + (
    [] if HTTPS else ["security.W004", "security.W008", "security.W012", "security.W016"]
)
