"""Small systems whose behaviour changes behind an indirection, each with a change beside it that changes nothing."""
