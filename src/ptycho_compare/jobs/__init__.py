"""Any long command as a supervised child process: launched, watched, stopped, collected.

A job is a folder of records (`ptycho_compare.hub.JobFiles`), so any later process can find it
again. Knows no ptychography.
"""
