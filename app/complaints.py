"""What an operator is told on the terminal instead of a traceback."""


class Complaint(Exception):
    """Something cannot be done as the operator has it set up or asked for it.

    The message says what is wrong and what to do about it, in sentences, without secrets. The command line prints it
    and ends with 1.
    """
