use moire_protect::Settings;
use moire_zoo::{Form, Network, Role};

use crate::error::Error;
use crate::model::{Model, ModelSpec, Which};

impl ModelSpec {
    /// Reads an editor, built for as many of its edits at once as the settings have use for ([`Settings::rows`]).
    ///
    /// # Errors
    /// As [`ModelSpec::load`].
    pub fn load_editor(&self, settings: &Settings) -> Result<Model, Error> {
        if let Which::Onnx(_) = self.which {
            return self.load();
        }
        let opened = self.open()?;
        let form = opened.weights.form(opened.entry);
        let network = opened.entry.network(opened.weights.clone(), &form)?;
        let domains = match &network.role {
            Role::Editor(editing) => {
                settings.rows(editing.condition.as_ref().map_or(1, |c| c.attributes.len()))
            }
            _ => form.domains,
        };
        let network: Network = if domains == form.domains {
            network
        } else {
            opened.entry.network(opened.weights, &Form { domains, ..form })?
        };
        Ok(Model { network, files: opened.files })
    }
}
