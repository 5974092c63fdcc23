"""Files people have -> conversations: intake.py goes through a file, the other rooms know one thing each."""
