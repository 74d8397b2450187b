"""The Hub's refusals of Spaces, as the commands print them after "The Space <id>: "."""

from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    ORGANIZATION,
    READ_TOKEN,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
)

TOKENS = WRITE_TOKEN, READ_TOKEN, FREE_TOKEN, YOUNG_TOKEN
STATIC, ZERO = ["--space_sdk", "static"], ["--space_hardware", "zero-a10g"]
GRADIO, CPU, GPU = (
    ["--space_sdk", "gradio"],
    ["--space_hardware", "cpu-basic"],
    ["--space_hardware", "t4-small"],
)
OR_STATIC = "Use --space_sdk static (free, runs in the visitor's browser)"
OR_ZERO = "--space_hardware zero-a10g (free for accounts older than 30 days)"
NO_PRO = (
    "the Hub refuses it (402): Static Spaces are free for everyone, but hosting Gradio and Docker "
    "Spaces on free cpu-basic requires a PRO subscription. Subscribe at https://huggingface.co/pro."
)
NO_TEAM = (
    "the Hub refuses it (402): Static Spaces are free for everyone, but hosting Gradio and Docker "
    "Spaces on free cpu-basic requires a Team or Enterprise plan. Subscribe at "
    "https://huggingface.co/enterprise."
)
NO_ZERO = (
    "the Hub refuses it (402): You must be subscribed to PRO to host Spaces with ZeroGPU. If you "
    "recently created your account, please wait 30 days or request a community grant. Visit your "
    "billing settings to subscribe: https://huggingface.co/settings/billing."
)
NO_TEAM_ZERO = (
    "the Hub refuses it (402): Your organization must be subscribed to Team or Enterprise to host "
    "Spaces with ZeroGPU."
)
PAID = "Paid hardware also needs a payment method: https://huggingface.co/settings/billing."
NOT_WRITABLE = (
    "this token may not write there. Set HF_TOKEN to a token with write access, or run `hf auth "
    "login`, or choose another --space_id."
)
PRIVATE = (
    "a static Space can't serve a private model, because the visitor's browser has no token for it."
)
NEEDS_PRO = f"A Gradio Space needs a PRO subscription (https://huggingface.co/pro) or {OR_ZERO}."
NEEDS_TEAM = "A Gradio Space needs a Team or Enterprise plan (https://huggingface.co/enterprise)."
# (token, owner of the Space, flags, refusal)
REFUSALS = [
    (FREE_TOKEN, FREE_USER, GRADIO, f"{NO_PRO} {OR_STATIC} or {OR_ZERO}."),
    (FREE_TOKEN, FREE_USER, CPU, f"{NO_PRO} {OR_STATIC} or {OR_ZERO}."),
    (FREE_TOKEN, FREE_USER, GPU, f"{NO_PRO} {PAID} {OR_STATIC} or {OR_ZERO}."),
    (YOUNG_TOKEN, YOUNG_USER, GRADIO, f"{NO_PRO} {OR_STATIC} or {OR_ZERO}."),
    (YOUNG_TOKEN, YOUNG_USER, ZERO, f"{NO_ZERO} {OR_STATIC}."),
    (WRITE_TOKEN, FREE_ORGANIZATION, GRADIO, f"{NO_TEAM} {OR_STATIC}."),
    (FREE_TOKEN, FREE_ORGANIZATION, CPU, f"{NO_TEAM} {OR_STATIC}."),
    (FREE_TOKEN, FREE_ORGANIZATION, GPU, f"{NO_TEAM} {PAID} {OR_STATIC}."),
    (FREE_TOKEN, FREE_ORGANIZATION, ZERO, f"{NO_TEAM_ZERO} {OR_STATIC}."),
    (READ_TOKEN, USER, [], NOT_WRITABLE),
    (YOUNG_TOKEN, ORGANIZATION, [], NOT_WRITABLE),
    (FREE_TOKEN, "nobody", STATIC, NOT_WRITABLE),
]
