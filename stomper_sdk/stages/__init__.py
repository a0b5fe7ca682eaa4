"""The steps that a pipeline names, one small file each: functions from a frozen state to the next one."""
