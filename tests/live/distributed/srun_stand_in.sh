#!/usr/bin/env bash
# Stands in for `srun -n COUNT program argument ...` on one machine: the variables of Slurm 23.
count=$1; shift
for ((rank = 0; rank < count; rank++)); do
    SLURM_JOB_ID=11 SLURM_STEP_ID=0 SLURM_STEPID=0 SLURM_PROCID=$rank SLURM_NTASKS=$count \
        SLURM_STEP_NUM_TASKS=$count SLURM_NODEID=0 SLURM_LOCALID=$rank "$@" &
done
status=0
for job in $(jobs -p); do wait "$job" || status=$?; done
exit $status
