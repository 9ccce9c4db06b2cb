use std::process::ExitCode;

use moire_study::{AttackPlan, DataPlan, DetectorPlan, Judges, Plan};

use crate::cli::AuditArgs;
use crate::commands::study::{carry_out, finish};

/// Writes the plan of the arguments, and carries it out.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let reading = (&args.onnx).into();
    let detector = |model: &moire_study::ModelSpec| DetectorPlan::from(model.clone().read_as(&reading));
    let plan = Plan {
        detectors: args.models.iter().map(detector).collect(),
        data: vec![DataPlan { limit: args.limit, ..DataPlan::new(&args.data) }],
        attacks: vec![args.attack.clone().map_or_else(Plan::standard_attacks, AttackPlan::from)],
        budgets: args.eps.clone(),
        criterion: args.criterion.into(),
        judges: if args.transfer { Judges::All } else { Judges::Own },
        transforms: args.after.clone(),
        seed: args.seed,
        ..Plan::default()
    };
    carry_out(&plan, &args.out, &args.how)?;
    finish(&args.out, &args.how)
}
