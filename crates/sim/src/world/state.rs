use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    mem,
    ops::Bound,
};

use iam::AccountId;
use oci::{Digest, RepositoryName};
use secrecy::SecretString;

use super::{Account, Document, Layer, Repository, RepositoryKey, User, UserKey, aws_policy, name_key};
use crate::{
    credential::AccessKey,
    host::Region,
    identity::{Identity, UserIdentity},
};

/// What changes. It is read and changed as a whole and never held while something is awaited.
#[derive(Default)]
pub(crate) struct State {
    accounts: HashMap<AccountId, Account>,
    repositories: BTreeMap<RepositoryKey, Repository>,
    /// Whose a long-term access key is, by its id.
    keys: HashMap<String, KeyOwner>,
    /// Which content an object of the layer buckets is.
    objects: HashMap<String, (Digest, u64)>,
    /// How many objects are of a content, or are about to be. What has none is not in here.
    uses: HashMap<Digest, usize>,
    /// What was changed since it was last asked.
    touched: BTreeSet<Touched>,
}

/// Something that is kept as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Touched {
    Account(AccountId),
    Repository(RepositoryKey),
}

/// Whose an access key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyOwner {
    pub(crate) account: AccountId,
    /// The root user's where none is named.
    pub(crate) user: Option<String>,
}

impl State {
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// An account to change. Whoever changes something has shown credentials of an account, so it is there.
    pub(crate) fn account_mut(&mut self, id: AccountId) -> &mut Account {
        self.touched.insert(Touched::Account(id));
        self.account_born(id)
    }

    /// The root user's key of an account, which is born where it was not there before.
    pub(crate) fn root_key(&mut self, id: AccountId) -> AccessKey {
        if !self.accounts.contains_key(&id) {
            self.account_mut(id);
        }
        self.account_born(id).root.clone()
    }

    fn account_born(&mut self, id: AccountId) -> &mut Account {
        let keys = &mut self.keys;
        self.accounts.entry(id).or_insert_with(|| {
            let account = Account::new();
            let owner = KeyOwner {
                account: id,
                user: None,
            };
            keys.insert(account.root.id.clone(), owner);
            account
        })
    }

    /// Takes up an account of an earlier run, with its keys.
    pub(crate) fn restore_account(&mut self, id: AccountId, account: Account) {
        let users = account.users.values();
        let keys = users.flat_map(|user| user.keys.iter().map(|key| (&key.key.id, Some(user.name.clone()))));
        for (key, user) in keys.chain([(&account.root.id, None)]) {
            self.keys.insert(key.clone(), KeyOwner { account: id, user });
        }
        self.accounts.insert(id, account);
    }

    /// Takes up a repository of an earlier run, with its layers.
    pub(crate) fn restore_repository(&mut self, key: RepositoryKey, repository: Repository) {
        for (digest, layer) in &repository.layers {
            self.put_object(layer.object.clone(), digest.clone(), layer.size);
        }
        self.repositories.insert(key, repository);
    }

    /// What was changed since this was last asked.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Touched> {
        mem::take(&mut self.touched)
    }

    /// Notes that something is still to be kept.
    pub(crate) fn touch(&mut self, touched: BTreeSet<Touched>) {
        self.touched.extend(touched);
    }

    /// Whose an access key is, active or not.
    pub(crate) fn key_owner(&self, id: &str) -> Option<&KeyOwner> {
        self.keys.get(id)
    }

    /// The secret and the identity behind a long-term access key that is active.
    pub(crate) fn key(&self, id: &str) -> Option<(SecretString, Identity)> {
        let owner = self.key_owner(id)?;
        let account = self.account(owner.account)?;
        let Some(name) = &owner.user else {
            return Some((account.root.secret.clone(), Identity::Root(owner.account)));
        };
        let user = account.user(name)?;
        let key = user.keys.iter().find(|key| key.key.id == id && key.active)?;
        Some((key.key.secret.clone(), user.identity(owner.account)))
    }

    /// Gives a user, who must be there, one more key.
    pub(crate) fn add_key(&mut self, account: AccountId, user: &str, key: UserKey) {
        let Some(user) = self.account_mut(account).user_mut(user) else {
            return;
        };
        let owner = KeyOwner {
            account,
            user: Some(user.name.clone()),
        };
        let id = key.key.id.clone();
        user.keys.push(key);
        self.keys.insert(id, owner);
    }

    /// Takes a key from a user; tells whether the user had it.
    pub(crate) fn remove_key(&mut self, account: AccountId, user: &str, id: &str) -> bool {
        let Some(user) = self.account_mut(account).user_mut(user) else {
            return false;
        };
        let count = user.keys.len();
        user.keys.retain(|key| key.key.id != id);
        let had = user.keys.len() < count;
        if had {
            self.keys.remove(id);
        }
        had
    }

    /// Gives a user, who must be there, another name and path. Whether the name is free is the caller's business.
    pub(crate) fn rename_user(&mut self, account: AccountId, name: &str, new: &str, path: &str) {
        let users = &mut self.account_mut(account).users;
        let Some(mut user) = users.remove(&name_key(name)) else {
            return;
        };
        new.clone_into(&mut user.name);
        path.clone_into(&mut user.path);
        let ids = user.keys.iter().map(|key| key.key.id.clone()).collect::<Vec<_>>();
        users.insert(name_key(new), user);
        for id in ids {
            let user = Some(new.to_owned());
            self.keys.insert(id, KeyOwner { account, user });
        }
    }

    /// Removes a user with all keys.
    pub(crate) fn remove_user(&mut self, account: AccountId, name: &str) {
        if let Some(user) = self.account_mut(account).users.remove(&name_key(name)) {
            for key in &user.keys {
                self.keys.remove(&key.key.id);
            }
        }
    }

    /// The document in force of a managed policy, the account's own or AWS's.
    pub(crate) fn managed_policy(&self, arn: &str) -> Option<Document> {
        if let Some(policy) = aws_policy(arn) {
            return Some(policy.document.clone());
        }
        let (owner, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":policy/")?;
        let owner = owner.parse().ok()?;
        let name = path.rsplit('/').next()?;
        let policy = self.account(owner)?.policies.get(&name_key(name))?;
        policy.document().filter(|_| policy.arn(owner) == arn).cloned()
    }

    /// Whether the user or the role behind an identity is still the one that it was.
    pub(crate) fn has(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Root(_) => true,
            Identity::User(user) => {
                let found = self.account(user.account).and_then(|account| account.user(&user.name));
                found.is_some_and(|found| found.id == user.id)
            }
            Identity::Session(session) => {
                let found = self
                    .account(session.account)
                    .and_then(|account| account.role(&session.role_name));
                found.is_some_and(|found| found.id == session.role_id)
            }
        }
    }

    pub(crate) fn repository(&self, account: AccountId, region: &Region, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(&RepositoryKey::new(account, region, name))
    }

    pub(crate) fn repository_at(&self, key: &RepositoryKey) -> Option<&Repository> {
        self.repositories.get(key)
    }

    /// A repository to change.
    pub(crate) fn repository_mut(
        &mut self,
        account: AccountId,
        region: &Region,
        name: &RepositoryName,
    ) -> Option<&mut Repository> {
        let key = RepositoryKey::new(account, region, name);
        let repository = self.repositories.get_mut(&key)?;
        self.touched.insert(Touched::Repository(key));
        Some(repository)
    }

    /// The repositories of a registry in the order of their names, those behind `after` where one is given.
    pub(crate) fn repositories(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&RepositoryName>,
    ) -> impl Iterator<Item = (&RepositoryName, &Repository)> {
        // No name is shorter than this one, so nothing of the registry lies before it.
        let first: RepositoryName = "0".parse().expect("a digit is a name");
        let start = match after {
            Some(name) => Bound::Excluded(RepositoryKey::new(account, region, name)),
            None => Bound::Included(RepositoryKey::new(account, region, &first)),
        };
        self.repositories
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.account == account && key.region == *region)
            .map(|(key, repository)| (&key.name, repository))
    }

    /// Adds a repository, if there is none of its name; tells whether it did.
    pub(crate) fn add_repository(&mut self, key: RepositoryKey, repository: Repository) -> bool {
        if self.repositories.contains_key(&key) {
            return false;
        }
        self.touched.insert(Touched::Repository(key.clone()));
        self.repositories.insert(key, repository);
        true
    }

    /// The content behind an object's key in a layer bucket.
    pub(crate) fn object(&self, key: &str) -> Option<&(Digest, u64)> {
        self.objects.get(key)
    }

    /// Removes a repository with the objects of its layers; the contents are those that nothing uses any more.
    pub(crate) fn remove_repository(&mut self, key: &RepositoryKey) -> Option<(Repository, Vec<Digest>)> {
        let repository = self.repositories.remove(key)?;
        self.touched.insert(Touched::Repository(key.clone()));
        let unused = self.remove_objects(repository.layers.values());
        Some((repository, unused))
    }

    /// The names of all contents that the layer buckets have, as their digests' digits.
    pub(crate) fn contents(&self) -> HashSet<String> {
        self.objects
            .values()
            .map(|(digest, _)| digest.hex().to_owned())
            .collect()
    }

    /// Puts an object into the layer bucket.
    pub(crate) fn put_object(&mut self, key: String, digest: Digest, size: u64) {
        self.hold(digest.clone());
        if let Some((digest, _)) = self.objects.insert(key, (digest, size)) {
            self.release(&digest);
        }
    }

    /// Removes the objects of layers that are gone; the contents are those that nothing uses any more.
    pub(crate) fn remove_objects<'l>(&mut self, layers: impl IntoIterator<Item = &'l Layer>) -> Vec<Digest> {
        let mut unused = Vec::new();
        for layer in layers {
            if let Some((digest, _)) = self.objects.remove(&layer.object)
                && self.release(&digest)
            {
                unused.push(digest);
            }
        }
        unused
    }

    /// Announces that an object of this content is about to be put.
    pub(crate) fn hold(&mut self, digest: Digest) {
        *self.uses.entry(digest).or_default() += 1;
    }

    /// Ends a use of a content; tells whether it was the last one.
    pub(crate) fn release(&mut self, digest: &Digest) -> bool {
        let Some(uses) = self.uses.get_mut(digest) else {
            return false;
        };
        *uses -= 1;
        if *uses > 0 {
            return false;
        }
        self.uses.remove(digest);
        true
    }

    /// Whether an object is of this content, or is about to be.
    pub(crate) fn uses(&self, digest: &Digest) -> bool {
        self.uses.contains_key(digest)
    }
}

impl User {
    pub(crate) fn identity(&self, account: AccountId) -> Identity {
        Identity::User(UserIdentity {
            account,
            path: self.path.clone(),
            name: self.name.clone(),
            id: self.id.clone(),
        })
    }
}
