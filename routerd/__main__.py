"""python -m routerd"""

from routerd.cli.main import main

main()
