"""Which test modules run in the same process of `make test`, and which ones run first."""

from pathlib import PurePosixPath

from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

# The modules of a group share fixtures of the session that take many seconds: a training, a Space.
GROUPS = {
    "published_run": (
        "test_command_dry_run", "test_command_evaluate", "test_compatibility", "test_end_to_end",
        "test_readme", "test_space_api", "test_space_batch", "test_space_snippets",
    ),
    "starter_space": (
        "test_browser_accessibility", "test_browser_batch", "test_browser_gallery",
        "test_browser_models", "test_browser_translate", "test_space_draw", "test_space_starters",
    ),
    "strict_space": (
        "test_space_calls", "test_space_errors", "test_space_pictures", "test_space_routes",
    ),
    "deployed_space": ("test_card_snippets", "test_hub_spaces", "test_space_previews"),
    "ort_cache": ("test_browser_ort_files", "test_browser_site", "test_command_web"),
    "make_finished_run": (
        "test_artifact_writer", "test_card_notebook", "test_card_page", "test_command_export",
        "test_endpoint", "test_geometry",
        "test_translate",
    ),
}  # fmt: skip
# The modules whose slow tests take longest, 2 to 6 minutes each. They start first, so that none of
# them runs at the end, when the other process has nothing left to do.
LONGEST = (
    "test_hub_faults", "test_slow", "test_kill", "test_recipe_benchmarks", "test_geotiff",
    "test_web_deployed", "test_space_fuzz", "test_hub_preempted", "test_notebook",
    "test_space_benchmarks",
)  # fmt: skip
GROUP_OF = {module: group for group, modules in GROUPS.items() for module in modules}


class GroupScheduling(LoadFileScheduling):
    """Gives each process whole groups, or modules that are in no group; the longest ones first.

    The others follow by their number of tests, as in `LoadFileScheduling`.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = super()._split_scope(nodeid)
        return GROUP_OF.get(PurePosixPath(path).stem, path)

    def _assign_work_unit(self, node: WorkerController) -> None:
        modules = {PurePosixPath(scope).stem: scope for scope in self.workqueue}
        for module in LONGEST:
            if module in modules:
                self.workqueue.move_to_end(modules[module], last=False)
                break
        super()._assign_work_unit(node)
