"""``python -m datagen`` is the ``datagen`` command."""

from datagen.cli.main import main

if __name__ == "__main__":
    main()
