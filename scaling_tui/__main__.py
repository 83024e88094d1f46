"""`python -m scaling_tui` is the command `scaling-tui`."""

from scaling_tui.cli import main

if __name__ == "__main__":
    main()
