//! `training.teacher`: a model file whose distributions a training follows.

use super::job::Job;
use crate::Error;
use crate::same_text::{Difference, pieces_differ};
use crate::tell::tell;
use crate::text_model::TextModel;
use lsra_text::Prepared;
use lsra_train::Teacher;

/// The teacher that the settings name, packed in training's precision; none where they follow none.
///
/// Errors: as [`TextModel::load`], or the first thing in which the model differs from this text.
pub(super) fn load(job: &Job, text: &Prepared) -> Result<Option<Teacher>, Error> {
    let training = &job.settings.training;
    let (Some(share), Some(path)) = (training.teachers_share(), &training.teacher) else { return Ok(None) };
    let there = TextModel::named_by("training.teacher", path)?;
    if let Some(Difference { what, there, here }) = pieces_differ(&there, &job.languages, text) {
        let advice = "train the teacher on the same folder, or start both from one model with --from";
        return Err(Error::OtherModel { file: path.display().to_string(), what, there, here, advice });
    }
    tell!("following {} for {share} of the loss", path.display());
    Ok(Some(Teacher::new(job.isa, there.model, there.weights, training.precision.into())))
}
