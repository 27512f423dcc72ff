"""`compare_models`: PtychoPINN's command line, with numbers that can be trusted."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ptycho_compare.cli.program import loading, run_program


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_program("compare_models", lambda: _main(list(sys.argv[1:] if argv is None else argv)))


def _main(words: list[str]) -> int:
    with loading():
        from ptycho_compare.cli.drop_in import compare_models  # loaded once SIGTERM is heard

    return compare_models(words)


if __name__ == "__main__":
    sys.exit(main())
