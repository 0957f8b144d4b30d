"""The report of a day or a week: every record of a window, weighed, told and verified; and the archive of all reports."""
