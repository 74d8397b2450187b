"""The hardware of the test Hub, and which account may host which kind of Space on it.

The rules are those of the Hub since July 2026 (its documentation: spaces-overview, spaces-zerogpu).
Static Spaces are free for everyone. Gradio and Docker Spaces need a plan, PRO or one of the
organization's, except that a free account in good standing may host two Gradio Spaces on ZeroGPU.
"""

from .accounts import Account
from .auth import HubError
from .commits import BadRequest
from .store import Store

ZERO_GPU = "zero-a10g"
# (name, display name, CPU, memory, price per minute in micro-dollars, (GPU, GPU memory) or None)
HARDWARE = [
    ("cpu-basic", "CPU Basic", "2 vCPU", "16 GB", 167, None),
    ("cpu-upgrade", "CPU Upgrade", "8 vCPU", "32 GB", 500, None),
    (ZERO_GPU, "ZeroGPU", "8 vCPU", "56 GB", 0, ("RTX Pro 6000", "48 GB")),
    ("t4-small", "Nvidia T4 - small", "4 vCPU", "15 GB", 6667, ("T4", "16 GB")),
    ("a10g-small", "Nvidia A10G - small", "4 vCPU", "15 GB", 16667, ("A10G", "24 GB")),
]
# How many ZeroGPU Spaces one namespace may have.
FREE_LIMIT, PRO_LIMIT, ORGANIZATION_LIMIT = 2, 10, 50

# Recorded from the Hub, word for word.
NO_PRO = (
    "Static Spaces are free for everyone, but hosting Gradio and Docker Spaces on free cpu-basic "
    "requires a PRO subscription. Subscribe at https://huggingface.co/pro"
)
NO_ZERO_GPU = (
    "You must be subscribed to PRO to host Spaces with ZeroGPU. If you recently created your "
    "account, please wait 30 days or request a community grant. Visit your billing settings to "
    "subscribe: https://huggingface.co/settings/billing"
)
NO_DOWNGRADE = "Without a PRO subscription, you can't downgrade this Space to cpu-basic."
# Written after these, because no record of the Hub's own text was found.
NO_TEAM = (
    "Static Spaces are free for everyone, but hosting Gradio and Docker Spaces on free cpu-basic "
    "requires a Team or Enterprise plan. Subscribe at https://huggingface.co/enterprise"
)
NO_TEAM_ZERO_GPU = (
    "Your organization must be subscribed to Team or Enterprise to host Spaces with ZeroGPU."
)
TOO_MANY = "You can't host more than {limit} Spaces with ZeroGPU."


def check_flavor(name: str) -> str:
    """Returns the name of a known hardware flavor; raises BadRequest for another one."""
    if name not in {flavor for flavor, *_ in HARDWARE}:
        raise BadRequest(f"unknown hardware {name!r}")
    return name


def check_may_host(
    store: Store, account: Account, space_id: str, sdk: str | None, hardware: str
) -> None:
    """Raises a HubError of status 402 if the account may not host such a Space.

    Raises BadRequest for hardware that no account can have for this kind of Space.
    """
    namespace = space_id.split("/")[0]
    is_own = namespace == account.name
    if sdk == "static":
        return
    if hardware != ZERO_GPU:
        if not account.has_plan(namespace):
            raise HubError(402, NO_PRO if is_own else NO_TEAM)
        return
    if sdk != "gradio":
        raise BadRequest("ZeroGPU is available for Gradio Spaces only")
    limit = find_zero_gpu_limit(account, namespace)
    if limit == 0:
        raise HubError(402, NO_ZERO_GPU if is_own else NO_TEAM_ZERO_GPU)
    spaces = [repo for (kind, _), repo in store.repos.items() if kind == "space"]
    others = [repo for repo in spaces if repo.namespace == namespace and repo.id != space_id]
    if sum(repo.hardware == ZERO_GPU for repo in others) >= limit:
        raise HubError(402, TOO_MANY.format(limit=limit))


def find_zero_gpu_limit(account: Account, namespace: str) -> int:
    """Returns how many ZeroGPU Spaces the account may have in this namespace."""
    if namespace != account.name:
        return ORGANIZATION_LIMIT if account.has_plan(namespace) else 0
    if account.is_pro:
        return PRO_LIMIT
    return FREE_LIMIT if account.in_good_standing else 0
