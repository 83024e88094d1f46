"""`python -m scaling_tui` is the command `scaling-tui`."""

from scaling_tui.cli.app import main

if __name__ == "__main__":
    main()
