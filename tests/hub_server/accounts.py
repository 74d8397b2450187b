"""The users, organizations and tokens of the test Hub, and what whoami says about them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

WRITE_TOKEN = "hf_test_write_token"
READ_TOKEN = "hf_test_read_token"
FREE_TOKEN = "hf_test_free_token"
YOUNG_TOKEN = "hf_test_young_token"
USER, FREE_USER, YOUNG_USER = "tester", "free-user", "young-user"
ORGANIZATION, FREE_ORGANIZATION = "test-org", "free-org"
# The plan of each organization; None is an organization that pays nothing.
PLANS: dict[str, str | None] = {ORGANIZATION: "team", FREE_ORGANIZATION: None}


@dataclass(frozen=True)
class Account:
    """A user as one of the user's tokens sees it; `role` is that of the token, read or write."""

    name: str
    role: str
    organizations: tuple[str, ...] = ()
    is_pro: bool = False
    email_verified: bool = True
    age_days: int = 400

    @property
    def in_good_standing(self) -> bool:
        return self.email_verified and self.age_days > 30

    def owns(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.organizations

    def has_plan(self, namespace: str) -> bool:
        """Returns whether the namespace, this user's own or an organization, has a paid plan."""
        return self.is_pro if namespace == self.name else PLANS[namespace] is not None


ORGANIZATIONS = tuple(PLANS)
ACCOUNTS = {
    WRITE_TOKEN: Account(USER, "write", ORGANIZATIONS, is_pro=True),
    READ_TOKEN: Account(USER, "read", ORGANIZATIONS, is_pro=True),
    FREE_TOKEN: Account(FREE_USER, "write", ORGANIZATIONS),
    YOUNG_TOKEN: Account(YOUNG_USER, "write", age_days=3),
}


def describe_account(account: Account) -> dict[str, Any]:
    """Returns the response of whoami-v2, which names neither the user's age nor a Team plan."""
    token = {"displayName": f"{account.role} token", "role": account.role}
    return {
        **describe_entity("user", account.name, account.is_pro),
        "email": f"{account.name}@example.org",
        "emailVerified": account.email_verified,
        "isPro": account.is_pro,
        "orgs": [describe_organization(name) for name in account.organizations],
        "auth": {"type": "access_token", "accessToken": token},
    }


def describe_organization(name: str) -> dict[str, Any]:
    entity = describe_entity("org", name, PLANS[name] is not None)
    enterprise = PLANS[name] == "enterprise"
    return {**entity, "email": None, "isEnterprise": enterprise, "roleInOrg": "write"}


def describe_entity(kind: str, name: str, pays: bool) -> dict[str, Any]:
    """Returns what whoami says of users and organizations alike."""
    period_end = int((datetime.now(UTC) + timedelta(days=20)).timestamp())
    return {
        "type": kind,
        "id": name.encode().hex().ljust(24, "0")[:24],
        "name": name,
        "fullname": name.title(),
        "canPay": pays,
        "periodEnd": period_end if pays else None,
        "avatarUrl": f"/avatars/{name}.svg",
    }
