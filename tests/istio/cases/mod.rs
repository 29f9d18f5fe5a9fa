//! What is shown, for each output.
//!
//! | file | what is shown |
//! |---|---|
//! | `decisions` | what becomes of requests, and what goes on upstream |
//! | `updates` | a policy that changes, and one that is refused |
//! | `modules` | a module that is another one, or not to be had |
//! | `objects` | what Kubernetes and Istio make of objects, and what is read back |
//! | `signals` | probes and metrics |
//! | `binding` | tokens of one holder, with the certificates of istiod |

mod binding;
mod decisions;
mod modules;
mod objects;
mod signals;
mod updates;

use crate::world::{Output, World};

/// What is shown by one run.
pub struct Case {
    pub name: &'static str,
    /// Absent where it is for both.
    only: Option<Output>,
    pub run: fn(&mut World),
}

impl Case {
    pub fn is_for(&self, output: Output) -> bool {
        self.only.is_none_or(|only| only == output)
    }
}

const fn both(name: &'static str, run: fn(&mut World)) -> Case {
    Case { name, only: None, run }
}

const fn plugin(name: &'static str, run: fn(&mut World)) -> Case {
    Case { name, only: Some(Output::Plugin), run }
}

/// All cases, in the order in which they run.
pub const CASES: [Case; 19] = [
    both("validated", objects::every_output_is_valid),
    both("matrix", decisions::the_table_holds),
    both("upstream", decisions::nothing_of_the_mesh_goes_on),
    both("protocols", decisions::what_is_spoken_to_a_host_is_what_was_said),
    both("change", updates::a_change_holds_for_the_next_request),
    both("refused", updates::what_is_refused_changes_nothing),
    both("istiod-away", updates::without_istiod_all_stays_as_it_is),
    both("applied", objects::objects_can_be_applied_and_pruned),
    both("large", updates::a_thousand_hosts),
    plugin("read-back", objects::what_is_in_force_is_read_back),
    plugin("probe", signals::a_probe_tells_what_is_not_enforced),
    plugin("metrics", signals::metrics_have_the_names_that_are_looked_for),
    plugin("certificate-bound", binding::a_token_goes_with_a_certificate_of_istiod),
    plugin("workload-bound", binding::a_token_of_kubernetes_goes_with_its_account),
    plugin("checksum", modules::a_wrong_checksum_denies_until_it_is_right),
    plugin("registry-away", modules::without_the_registry_policies_still_change),
    plugin("file", modules::a_module_in_the_image_needs_no_registry),
    plugin("image", modules::an_image_is_fetched_and_kept),
    plugin("crash", modules::a_module_that_crashes_is_started_again),
];
